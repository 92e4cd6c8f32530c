// This browser may have been let in before: where that was is no secret, and useless without the cookie.
let place = "";
try { place = localStorage.getItem("miandan") || ""; } catch { /* not allowed here */ }
if (/^\/[\w-]{22}\/$/.test(place)) location.replace(place);
