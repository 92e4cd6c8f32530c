// Paths of PNG files, one a line on standard input, a grey picture of each on standard output: pngjs unpacks.
"use strict";

const { readFileSync } = require("node:fs");
const { PNG } = require("pngjs");
const { endWith, writePgm } = require("./pgm.cjs");

async function main() {
  for (const path of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
    const png = PNG.sync.read(readFileSync(path));
    writePgm(png.width, png.height, (x, y) => {
      const at = 4 * (y * png.width + x);
      return Math.floor((png.data[at] + png.data[at + 1] + png.data[at + 2]) / 3);
    });
  }
}

endWith(main());
