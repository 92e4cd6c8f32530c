// Grey pictures in PGM form on standard output, for the judge that has started this process.
"use strict";

const { writeSync } = require("node:fs");

// `grey` gives the level of the dot at x, y; 0 is black.
function writePgm(width, height, grey) {
  const header = Buffer.from(`P5 ${width} ${height} 255\n`);
  const dots = Buffer.alloc(width * height);
  for (let y = 0, dot = 0; y < height; y += 1) for (let x = 0; x < width; x += 1, dot += 1) dots[dot] = grey(x, y);
  const file = Buffer.concat([header, dots]);
  for (let at = 0; at < file.length; at += writeSync(1, file, at));
}

// Ends the process: the renderer's WebAssembly never does so by itself.
function endWith(promise) {
  promise.then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}

module.exports = { endWith, writePgm };
