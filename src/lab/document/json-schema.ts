/** The lab file's JSON Schema, for editors and for other tools: resources/schema/lab.schema.json is this text. */
import { z } from 'zod';
import { BOARD_FORMAT, boardFileSchema, LAB_FORMAT, labSchema } from './schema';

/** The schema as it lies in resources/schema/lab.schema.json, ending in a newline. It describes what a person may write (the input), not the parsed values. */
export function labJsonSchema(): string {
  const options = { io: 'input', unrepresentable: 'any', target: 'draft-2020-12' } as const;
  // the file is YAML: what zod reads as bigint is an integer there
  const override = ({ zodSchema, jsonSchema }: { zodSchema: unknown; jsonSchema: Record<string, unknown> }): void => {
    if ((zodSchema as { _zod: { def: { type: string } } })._zod.def.type === 'bigint') jsonSchema['type'] = 'integer';
  };
  const lab = z.toJSONSchema(labSchema, { ...options, override });
  const board = z.toJSONSchema(boardFileSchema, { ...options, override });
  const schema = {
    ...lab,
    $id: `https://pagewalk.invalid/schema/${LAB_FORMAT}`,
    title: `Pagewalk lab (${LAB_FORMAT}); a board alone: $defs.boardFile (${BOARD_FORMAT})`,
    $defs: { ...((lab as { $defs?: object }).$defs ?? {}), boardFile: { ...board, $schema: undefined } },
  };
  return JSON.stringify(schema, null, 2) + '\n';
}
