/**
 * Lets iced-x86 run in the window. The package is written for Node: it reads its WebAssembly with `fs` and exports with
 * CommonJS. This plugin gives the renderer the same file as a module that fetches the WebAssembly as an asset.
 */
import type { Plugin } from 'vite';

const ENTRY = /[\\/]iced-x86[\\/]iced_x86\.js$/;
const NODE_IMPORTS = 'const { TextDecoder, TextEncoder } = require(`util`);';
const NODE_LOADER = "const path = require('path').join(__dirname, 'iced_x86_bg.wasm');";

export function icedX86InTheBrowser(): Plugin {
  return {
    name: 'iced-x86-browser',
    enforce: 'pre',
    transform(code, id) {
      if (!ENTRY.test(id.split('?')[0]!)) return null;
      const loader = code.indexOf(NODE_LOADER);
      if (!code.includes(NODE_IMPORTS) || loader < 0) throw new Error('iced-x86 has changed: build/iced-x86-browser.ts no longer fits it');
      const names = [...code.matchAll(/^module\.exports\.([A-Za-z]\w*) =/gm)].map(([, name]) => name!);
      const body = code.slice(0, loader).replace(NODE_IMPORTS, '');
      return {
        code: [
          "import wasmUrl from 'iced-x86/iced_x86_bg.wasm?url';",
          'const module = { exports: {} };',
          body,
          'const response = await fetch(wasmUrl);',
          'wasm = (await WebAssembly.instantiate(await response.arrayBuffer(), imports)).instance.exports;',
          ...[...new Set(names)].map((name) => `const exported_${name} = module.exports.${name}; export { exported_${name} as ${name} };`),
        ].join('\n'),
        map: null,
      };
    },
  };
}
