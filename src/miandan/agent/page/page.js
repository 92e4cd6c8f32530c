// Keeps the page true: what has changed is put in its place, what somebody is filling in stays as it is.
const live = document.getElementById("live"), gone = document.getElementById("gone"), title = document.title;
try { localStorage.setItem("miandan", location.pathname); } catch { /* not allowed here: the bare address stays locked */ }
let pressing = false;
for (const [kind, is] of [["pointerdown", true], ["pointerup", false], ["pointercancel", false]])
  addEventListener(kind, () => { pressing = is; }, true);
const put = (there, fresh) => {
  for (const old of [...there.children]) if (!fresh.querySelector(`:scope > [id="${old.id}"]`)) old.remove();
  let place = there.firstElementChild;
  for (const one of [...fresh.children]) {
    const old = there.querySelector(`:scope > [id="${one.id}"]`);
    if (old && one.matches("details")) one.open = old.open;
    if (old && one.matches(".each")) put(old, one);
    if (old && (one.matches(".each") || old.outerHTML === one.outerHTML)) {
      if (old !== place) there.insertBefore(old, place);
      place = old.nextElementSibling;
      continue;
    }
    const focus = old && old.contains(document.activeElement) ? document.activeElement.id : "";
    if (old === place) place = old.nextElementSibling;
    if (old) old.replaceWith(one);
    there.insertBefore(one, place);
    if (focus) document.getElementById(focus)?.focus();
  }
};
const look = async () => {
  try {
    const answer = await fetch(location.pathname, { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = fresh.title;
    if (!pressing) put(live, fresh.getElementById("live"));
    gone.hidden = true;
    document.body.classList.remove("lost");
  } catch {
    document.title = `✕ ${title}`;
    gone.hidden = false;
    document.body.classList.add("lost");
  }
  setTimeout(look, 1500);
};
setTimeout(look, 1500);
