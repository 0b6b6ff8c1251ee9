// Writes .br and .gz beside each file of a folder that is worth it, at the highest level: once, when it is built.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const folder = process.argv[2] ?? 'dist/web';
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 } };
let raw = 0, small = 0;
for (const name of readdirSync(folder).filter((name) => /\.(html|css|js|wasm|svg|json|webmanifest)$/.test(name))) {
  const bytes = readFileSync(join(folder, name));
  const compressed = brotliCompressSync(bytes, brotli);
  writeFileSync(join(folder, `${name}.br`), compressed);
  writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  raw += bytes.length;
  small += compressed.length;
  console.log(`  ${name}: ${bytes.length} B, brotli ${compressed.length} B`);
}
console.log(`  first load: ${raw} B, brotli ${small} B`);
