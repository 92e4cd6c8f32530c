// ZPL on standard input, a picture per label on standard output: zpl-renderer-js draws, pngjs unpacks. The ZPL of each
// paper ends with a zero byte; the papers are told by dots to the mm, then width and height of each in mm.
"use strict";

const { readFileSync } = require("node:fs");
const { PNG } = require("pngjs");
const { ready } = require("zpl-renderer-js");
const { endWith, writePgm } = require("./pgm.cjs");

async function main([dpmm, ...papers]) {
  const { api } = await ready;
  const zpl = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(0)).split("\0").slice(0, -1);
  if (2 * zpl.length !== papers.length) throw new Error(`${zpl.length} documents for ${papers.length / 2} papers`);
  for (const [at, labels] of zpl.entries()) {
    const [width, height] = papers.slice(2 * at).map(Number);
    for (const label of await api.zplToBase64MultipleAsync(labels, width, height, Number(dpmm))) {
      const png = PNG.sync.read(Buffer.from(label, "base64"));
      writePgm(png.width, png.height, (x, y) => png.data[4 * (y * png.width + x)]);
    }
  }
}

endWith(main(process.argv.slice(2)));
