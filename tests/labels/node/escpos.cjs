// ESC/POS on standard input, a picture per run of raster bands on standard output: npos parses and draws.
"use strict";

const { readFileSync } = require("node:fs");
const { parser } = require("npos");
const { endWith, writePgm } = require("./pgm.cjs");

async function main() {
  const { entries } = await parser().parse(readFileSync(0));
  for (const { type, data } of entries) {
    if (type === "raster") writePgm(data.width, data.height, (x, y) => data.getPixel(x, y));
  }
}

endWith(main());
