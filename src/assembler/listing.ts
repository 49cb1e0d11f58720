/** A listing: address, bytes and source of every line, as `nasm -l` makes one. */
import type { Assembly } from './assemble';

const BYTES_PER_LINE = 9;

/** Text with one line per source line of `file` (more when a line made many bytes). Addresses are the program's own. */
export function listing(assembly: Assembly, file: string, source: string): string {
  const output: string[] = [];
  source.split(/\r\n|\n|\r/).forEach((text, index) => {
    const number = String(index + 1).padStart(6);
    const entries = assembly.lineMap.ofLine(file, index + 1);
    if (entries.length === 0) {
      output.push(`${number}${' '.repeat(31)} ${text}`.trimEnd());
      return;
    }
    let first = true;
    for (const { address, length, section } of entries) {
      const home = assembly.sections.find((candidate) => candidate.name === section);
      const at = home && !home.nobits ? home.imageOffset + (address - home.base) : null;
      const shown = Math.min(length, 4 * BYTES_PER_LINE);
      for (let offset = 0; offset < shown; offset += BYTES_PER_LINE) {
        const last = Math.min(offset + BYTES_PER_LINE, shown);
        const bytes = at === null ? `<res ${length.toString(16).toUpperCase()}h>` : hex(assembly.bytes.subarray(at + offset, at + last));
        const cut = last === shown && shown < length && at !== null ? '…' : '';
        const place = (address + offset).toString(16).toUpperCase().padStart(8, '0');
        output.push(`${first ? number : ' '.repeat(6)} ${place} ${(bytes + cut).padEnd(21)} ${first ? text : ''}`.trimEnd());
        first = false;
        if (at === null) break;
      }
    }
  });
  return output.join('\n');
}

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
