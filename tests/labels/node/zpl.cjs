// ZPL on standard input, a picture per label on standard output: zpl-renderer-js draws, pngjs unpacks.
"use strict";

const { readFileSync } = require("node:fs");
const { PNG } = require("pngjs");
const { ready } = require("zpl-renderer-js");
const { endWith, writePgm } = require("./pgm.cjs");

async function main([width, height, dpmm]) {
  const { api } = await ready;
  const zpl = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(0));
  for (const label of await api.zplToBase64MultipleAsync(zpl, Number(width), Number(height), Number(dpmm))) {
    const png = PNG.sync.read(Buffer.from(label, "base64"));
    writePgm(png.width, png.height, (x, y) => png.data[4 * (y * png.width + x)]);
  }
}

endWith(main(process.argv.slice(2)));
