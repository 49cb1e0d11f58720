/**
 * Power, run, pause, step and reset as the student means them: the session always has the document as it is on screen before
 * it is switched on, and a machine that has stopped starts over. Failures become notices, never unhandled rejections.
 */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';
import type { OpenResult } from '../../lab/protocol';
import type { LocalizedText } from '../i18n';
import { useDocument } from './document';
import { SessionLostError, useSession, wordsOf } from './session';

const UPDATE_DELAY_MS = 250;
/** A key held down must not go on stepping long after it was let go. */
const MOST_WAITING = 8;

export const useControl = defineStore('control', () => {
  const lab = useDocument();
  const session = useSession();
  /** edits wait for the next power-on */
  const stale = ref(false);
  /** why the last command did not do what it should; for a notice */
  const complaint = shallowRef<LocalizedText | null>(null);
  /** why the running machine did not take an edit that it might have (hot-plug) */
  const refusal = shallowRef<{ en: string; 'zh-CN': string } | null>(null);
  /** instructions a second; null is full speed */
  const speed = ref<number | null>(null);

  let timer: ReturnType<typeof setTimeout> | undefined;
  let sentMeaning = -1;

  /** Gives the session the document whole; the power goes off. */
  async function open(): Promise<OpenResult | null> {
    clearTimeout(timer);
    if (!lab.document) return null;
    sentMeaning = lab.meaning;
    stale.value = false;
    const result = await session.commands.open(lab.document, lab.files);
    if (speed.value !== null) await session.commands.setSpeed(speed.value);
    return result;
  }
  /** Gives the session what was edited, if anything was. */
  async function update(): Promise<void> {
    clearTimeout(timer);
    if (!lab.document || sentMeaning === lab.meaning || session.connection !== 'ready') return;
    sentMeaning = lab.meaning;
    const result = await session.commands.update(lab.document, lab.files);
    // what the running machine refused waits like what it cannot take
    const refused = result.outcome === 'rejected' ? result.problems.find(({ code }) => code === 'board-hot-plug-refused') : undefined;
    stale.value = result.outcome === 'needs-power-off' || refused !== undefined;
    refusal.value = refused?.message ?? null;
  }

  /** Commands are carried out one after another, in the order in which they were given. */
  let last: Promise<void> = Promise.resolve();
  const waiting = ref(0);
  /** a command is under way */
  const busy = computed(() => waiting.value > 0);
  function guarded(action: () => Promise<void>): Promise<void> {
    waiting.value++;
    const own = last.then(async () => {
      complaint.value = null;
      try {
        await session.settled();
        await action();
      } catch (error) {
        // a lost session has its own bar
        if (!(error instanceof SessionLostError)) complaint.value = wordsOf(error);
      } finally {
        waiting.value--;
      }
    });
    last = own;
    return own;
  }

  const ignoreLoss = (error: unknown): void => {
    if (!(error instanceof SessionLostError)) complaint.value = wordsOf(error);
  };
  // another lab, or another worker: the session starts from the whole document
  watch([() => lab.opened, () => session.generation], () => {
    if (session.connection === 'ready' && lab.isOpen) void open().catch(ignoreLoss);
  });
  watch(
    () => lab.meaning,
    () => {
      clearTimeout(timer);
      timer = setTimeout(() => void update().catch(ignoreLoss), UPDATE_DELAY_MS);
    },
  );

  /** Switches on with the document as it is now. False when it was refused; the session's problems say why. */
  async function fresh(): Promise<boolean> {
    if (session.poweredOn) await session.commands.powerOff();
    const opened = await open();
    if (!opened?.ok) return false;
    return (await session.commands.powerOn()).ok;
  }
  /** What runs is out of date, or has come to its end. */
  const mustRestart = (): boolean => session.power === 'off' || session.power === 'stopped' || stale.value;

  const run = () =>
    guarded(async () => {
      await update();
      if (mustRestart() && !(await fresh())) return;
      await session.commands.run();
    });
  const pause = () => guarded(() => session.commands.pause());
  const step = (options?: { count?: number; vm?: string }) =>
    guarded(async () => {
      await update();
      if (mustRestart()) {
        await fresh();
        return;
      }
      // F10 pressed while F5 was on its way must not stop the run
      if (session.running) return;
      await session.commands.step(options);
    });
  /** A step, but calls and loops whole. */
  const stepOver = (options?: { vm?: string }) =>
    guarded(async () => {
      await update();
      if (mustRestart()) {
        await fresh();
        return;
      }
      if (session.running) return;
      await session.commands.stepOver(options);
    });
  /** Runs to the instruction at a linear address. */
  const runTo = (place: { vm: string | null; linear: bigint }) =>
    guarded(async () => {
      await update();
      if (mustRestart() && !(await fresh())) return;
      await session.commands.runTo(place);
    });
  /** Power off and on: paused at the first instruction, with the document as it is now. */
  const reset = () =>
    guarded(async () => {
      await fresh();
    });
  const powerOff = () => guarded(() => session.commands.powerOff());
  const setSpeed = (chosen: number | null) =>
    guarded(async () => {
      speed.value = chosen;
      await session.commands.setSpeed(chosen);
    });
  /** Keeps the whole machine as it is now; it runs on if it ran. */
  const snapshot = (label: string) =>
    guarded(async () => {
      await session.commands.snapshot(label);
    });
  /** The machine as a snapshot has it, paused. */
  const goBack = (id: number) => guarded(() => session.commands.restore(id));
  /** While a worker is being started a command waits for it. */
  const canRun = computed(() => session.connection !== 'lost' && lab.runnable && !session.running);
  /** Steps asked for in quick succession are all taken: a press while one is under way waits its turn. */
  const canStep = computed(() => canRun.value && waiting.value < MOST_WAITING);

  return {
    busy,
    stale,
    complaint,
    refusal,
    speed,
    canRun,
    canStep,
    open,
    update,
    run,
    pause,
    step,
    stepOver,
    runTo,
    reset,
    powerOff,
    setSpeed,
    snapshot,
    goBack,
  };
});
