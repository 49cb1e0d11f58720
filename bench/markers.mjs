/**
 * What a benchmark guest prints: `@@S`, then for each phase its letter, work, and a checksum of eight hex digits, and `Z` at the
 * end. Phases are timed by the arrival of their letters.
 */
const PHASE = /[A-D]/;

export class Markers {
  text = '';
  /** { letter, at } in ms, in order; `Z` last */
  marks = [];
  finished = false;

  constructor(now = () => performance.now()) {
    this.now = now;
  }

  /** Bytes as they come out of the guest, whatever the emulator printed before. */
  push(chunk) {
    const at = this.now();
    for (const character of chunk) {
      this.text += character;
      const begun = this.text.includes('@@S');
      if (!begun || this.finished) continue;
      const started = this.text.slice(this.text.indexOf('@@S') + 3);
      // a checksum's digits are lower case, so an upper-case letter is a marker
      if (PHASE.test(character) && started.length > 0) this.marks.push({ letter: character, at });
      if (character === 'Z') {
        this.marks.push({ letter: 'Z', at });
        this.finished = true;
      }
    }
  }

  /** [{ phase: 'A', seconds, checksum }] */
  phases() {
    const sums = [...this.text.slice(this.text.indexOf('@@S') + 3).matchAll(/([A-D])([0-9a-f]{8})/g)];
    return this.marks.slice(0, -1).map(({ letter, at }, i) => ({
      phase: letter,
      seconds: (this.marks[i + 1].at - at) / 1000,
      checksum: sums.find(([, name]) => name === letter)?.[2] ?? '',
    }));
  }
}
