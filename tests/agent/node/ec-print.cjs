// Drives the public client ec-print, unmodified, as the page of an ERP would: node ec-print.cjs REQUEST-AS-JSON
//   {provider, url, origin, calls: [[method, argument...]], notices}
// prints {answers: [...], notices: [...]} when every call is answered and so many final notices were heard.
const { Providers } = require('ec-print');
const WebSocket = require('ws');

const wanted = JSON.parse(process.argv[2]);

class PageSocket extends WebSocket { // a browser says which page it is; node has to be told
  constructor(url, protocols) {
    super(url, protocols, wanted.origin ? { origin: wanted.origin } : {});
  }
}

async function main() {
  const options = { WebSocket: PageSocket, maxRetries: 0 };
  const client = new Providers[wanted.provider]({ url: wanted.url, options });
  const notices = [];
  const ended = new Promise((resolve) => {
    if (!wanted.notices) return resolve();
    client.notifyPrintResult((notice) => {
      notices.push(notice);
      if (notices.filter((one) => one.taskStatus !== 'rendered').length === wanted.notices) resolve();
    });
  });
  await client.connect();
  const answers = [];
  for (const [method, ...given] of wanted.calls) answers.push(await client[method](...given));
  await ended;
  process.stdout.write(JSON.stringify({ answers, notices }));
  process.exit(0);
}

setTimeout(() => { process.stderr.write('no answer in time\n'); process.exit(1); }, 80000).unref();
main().catch((error) => { process.stderr.write(String(error)); process.exit(1); });
