/** The committed JSON Schema is the one the code gives. After a change of the format: `npx vitest run src/lab/document/json-schema.spec.ts -u`. */
import { expect, it } from 'vitest';
import { labJsonSchema } from './json-schema';

it('resources/schema/lab.schema.json is current', async () => {
  await expect(labJsonSchema()).toMatchFileSnapshot('../../../resources/schema/lab.schema.json');
});
