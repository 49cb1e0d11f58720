/** A lab's text as it is set: paragraphs, and steps where its lines are numbered `1. `, `2. `, … Pure. */

export type TextPart = { kind: 'paragraph'; text: string } | { kind: 'steps'; steps: string[] };

export function labText(text: string): TextPart[] {
  const parts: TextPart[] = [];
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '') continue;
    const step = /^(\d+)[.、] *(.+)$/.exec(line);
    const last = parts.at(-1);
    const expected = last?.kind === 'steps' ? last.steps.length + 1 : 1;
    if (!step || Number(step[1]) !== expected) parts.push({ kind: 'paragraph', text: line });
    else if (last?.kind === 'steps') last.steps.push(step[2]!);
    else parts.push({ kind: 'steps', steps: [step[2]!] });
  }
  return parts;
}
