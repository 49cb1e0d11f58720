/**
 * The window's end of the session: one connection, its views as immutable snapshots, and its commands. Views are asked for
 * only while a visible panel needs them. When the worker is lost the views keep their last values, marked by `connection`.
 */
import { defineStore } from 'pinia';
import { computed, inject, nextTick, onScopeDispose, ref, shallowReactive, shallowRef, watch } from 'vue';
import { createSessionClient, type SessionClient, type SessionError } from '../../lab/channel';
import type { Problem, SessionCommands, ViewName, Views } from '../../lab/protocol';
import type { SessionLoss } from '../../lab/shell-bridge';
import { PANEL_VISIBLE } from '../docking/workspace';
import type { LocalizedText } from '../i18n';
import { useBridge } from './bridge';

export type Connection = 'connecting' | 'ready' | 'lost';
type ViewStore = { [Name in ViewName]: Views[Name] | null };

/** A command was given while no worker is there to take it. */
export class SessionLostError extends Error {
  constructor() {
    super('the session has stopped');
    this.name = 'SessionLostError';
  }
}

/** What a command was rejected with, for people: in both languages where the session said so. */
export const wordsOf = (error: unknown): LocalizedText =>
  (error as SessionError | null)?.text ?? (error instanceof Error ? error.message : String(error));

const EMPTY_VIEWS: ViewStore = {
  status: null, registers: null, virtualization: null, placement: null, isolation: null, transactions: null,
  serial: null, boot: null, checks: null, journey: null, chipset: null, tlb: null, tables: null, events: null, breakpoints: null,
  snapshots: null, dram: null,
}; // prettier-ignore

export const useSession = defineStore('session', () => {
  const bridge = useBridge();
  const connection = ref<Connection>('connecting');
  const loss = ref<SessionLoss | null>(null);
  /** of the session itself: resolving, booting, running */
  const problems = shallowRef<readonly Problem[]>([]);
  const views = shallowReactive<ViewStore>({ ...EMPTY_VIEWS });
  /** counts connections: whoever keeps state in the worker (document, breakpoints) restores it when this grows */
  const generation = ref(0);

  let client: SessionClient | null = null;
  const wanted = new Map<ViewName, number>([['status', 1]]);
  let subscribeQueued = false;

  bridge.onSessionLost((why) => {
    client?.close(new SessionLostError());
    client = null;
    loss.value = why;
    connection.value = 'lost';
  });

  /** Starts a worker (a new one after a loss) and subscribes to what is on screen. Rejects when the shell cannot give one. */
  async function connect(): Promise<void> {
    connection.value = 'connecting';
    try {
      const channel = await bridge.connectSession();
      Object.assign(views, EMPTY_VIEWS);
      problems.value = [];
      client = createSessionClient(
        channel,
        {
          view: (name, value) => {
            (views as Record<ViewName, unknown>)[name] = value;
          },
          problems: (found) => {
            problems.value = found;
          },
        },
        (error) => {
          if (!(error instanceof SessionLostError)) console.error('session:', error.message);
        },
      );
      loss.value = null;
      connection.value = 'ready';
      generation.value++;
      sendSubscription();
    } catch (error) {
      if (!(error instanceof SessionLostError)) {
        loss.value = 'exited';
        connection.value = 'lost';
      }
      throw error;
    }
  }

  /** Resolves when no connection is being made: it is there, and whoever restores the worker's state has begun to; or it has failed. */
  function settled(): Promise<void> {
    return new Promise((done) => {
      if (connection.value !== 'connecting') return done();
      const stop = watch(connection, (now) => {
        if (now === 'connecting') return;
        stop();
        void nextTick(done);
      });
    });
  }

  const command = <Name extends keyof SessionCommands>(name: Name): Required<SessionCommands>[Name] =>
    ((...args: unknown[]) => {
      if (!client) return Promise.reject(new SessionLostError());
      return (client.session[name] as (...list: unknown[]) => Promise<unknown>)(...args);
    }) as Required<SessionCommands>[Name];

  /** Every command of the protocol; each rejects with SessionLostError while there is no worker. */
  const commands = {
    open: command('open'), update: command('update'), powerOn: command('powerOn'), powerOff: command('powerOff'), run: command('run'),
    pause: command('pause'), step: command('step'), stepOver: command('stepOver'), runTo: command('runTo'), reset: command('reset'), setSpeed: command('setSpeed'), setBreakpoints: command('setBreakpoints'),
    setStopPoints: command('setStopPoints'),
    setObserve: command('setObserve'), explain: command('explain'), readMemory: command('readMemory'), writeMemory: command('writeMemory'), disassemble: command('disassemble'), pageTable: command('pageTable'), linearSpaces: command('linearSpaces'),
    locate: command('locate'), findTransactions: command('findTransactions'), evaluateChecks: command('evaluateChecks'), selectVm: command('selectVm'), snapshot: command('snapshot'),
    restore: command('restore'), subscribe: command('subscribe'), stateHash: command('stateHash'), ping: command('ping'),
    misbehave: command('misbehave'),
  }; // prettier-ignore

  function sendSubscription(): void {
    if (subscribeQueued) return;
    subscribeQueued = true;
    queueMicrotask(() => {
      subscribeQueued = false;
      client?.session.subscribe([...wanted.keys()]).catch(() => undefined);
    });
  }
  function want(names: readonly ViewName[]): void {
    for (const name of names) wanted.set(name, (wanted.get(name) ?? 0) + 1);
    sendSubscription();
  }
  function unwant(names: readonly ViewName[]): void {
    for (const name of names) {
      const left = (wanted.get(name) ?? 0) - 1;
      if (left > 0) wanted.set(name, left);
      else wanted.delete(name);
    }
    sendSubscription();
  }

  const power = computed(() => (connection.value === 'lost' ? 'off' : (views.status?.power ?? 'off')));
  const running = computed(() => power.value === 'running');
  /** the machine stands still with its state there to be read */
  const paused = computed(() => power.value === 'paused' || power.value === 'stopped');
  const poweredOn = computed(() => power.value !== 'off');

  /** changes whenever the machine, standing still or not, is no longer as it was: what is asked of it by range is asked again */
  const moment = computed(() => `${views.status?.instructions ?? ''}/${views.status?.inputs ?? ''}`);

  return {
    connection,
    loss,
    problems,
    views,
    generation,
    power,
    running,
    paused,
    poweredOn,
    moment,
    commands,
    connect,
    settled,
    want,
    unwant,
  };
});

/**
 * Subscribes to views while the calling component is mounted and its panel is on screen. Returns the store's `views`;
 * a view is null until the session has sent it.
 */
export function useViews(...names: ViewName[]): ViewStore {
  const session = useSession();
  const visible = inject(PANEL_VISIBLE, ref(true));
  let held = false;
  watch(
    visible,
    (shown) => {
      if (shown === held) return;
      held = shown;
      if (shown) session.want(names);
      else session.unwant(names);
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    if (held) session.unwant(names);
  });
  return session.views;
}
