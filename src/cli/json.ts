/** JSON as the command line prints it: addresses are plain lower-case 0x texts, byte arrays are hex texts. */
import { plainHex } from '../machine/address';
import type { Journey, JourneyStep, Place } from '../machine/journey/journey';

const bytesText = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const placeJson = ({ space, address, ...rest }: Place): object => ({ space, address: plainHex(address), ...rest });

const stepJson = (step: JourneyStep): object => ({
  ...step,
  from: placeJson(step.from),
  ...(step.to ? { to: placeJson(step.to) } : {}),
  ...(step.entryAddress ? { entryAddress: placeJson(step.entryAddress) } : {}),
});

/** bigint → 0x text, bytes → hex text, everywhere else as JSON has it. */
export const toJson = (value: object): string =>
  JSON.stringify(
    value,
    (_key, inner: unknown) => (typeof inner === 'bigint' ? plainHex(inner) : inner instanceof Uint8Array ? bytesText(inner) : inner),
    2,
  ) + '\n';

export const journeyJson = (journey: Journey): object => ({ schema: 'pagewalk.walk/1', ...partJson(journey) });

/** An access that crosses into the next page has a `rest` of the same shape. */
const partJson = ({ rest, ...journey }: Journey): object => ({
  ...journey,
  steps: journey.steps.map(stepJson),
  ...(rest ? { rest: partJson(rest) } : {}),
});
