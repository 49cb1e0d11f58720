/** Numbers that come from outside: none of them is trusted. */
import { text } from '../document/problem';
import { QueryError } from './computer';

/** The value, when it is whole and lies between both, which may be taken; QueryError says what was expected otherwise. */
export function whole(value: number, least: number, most: number, what: string): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new QueryError(
      text(`${what} is ${value}; expected ${least} to ${most}.`, `${what} 为 ${value}；应在 ${least} 到 ${most} 之间。`),
    );
  }
  return value;
}
