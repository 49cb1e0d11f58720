/** What a student does on a board of 200 parts, one act after another, for bench/drag.mjs: each leaves the board as it found it. */

const SLOTS = 128;
const DEVICES = 64;
const FRAMES = 60;
const FRAME_MS = 17;

/** 200 parts: processor, firmware, IOMMU, legacy I/O, root, three controllers, slots and devices. */
export function boardLab() {
  const slots = Array.from({ length: SLOTS }, (_, i) => `    - { id: S${i}, dimm: ddr3-256m }`);
  const third = Math.ceil(SLOTS / 4);
  const controllers = [0, 1, 2].map((n) => {
    const own = Array.from({ length: Math.min(third, 32) }, (_, i) => `S${n * 32 + i}`);
    const channels = Array.from({ length: 8 }, (_, i) => `[${own.slice(i * 4, i * 4 + 4).join(', ')}]`);
    return `    - { id: mc${n}, channels: [${channels.join(', ')}] }`;
  });
  const devices = Array.from({ length: DEVICES }, (_, i) => `    - { id: d${i}, kind: dma-contiguous }`);
  return [
    'format: pagewalk.lab/1', 'title: Two hundred parts', 'board:', '  processor: p6-server', '  assignment: automatic', '  controllers:', ...controllers,
    '  slots:', ...slots, '  iommu: { present: true, enabled: true }', '  devices:', ...devices, 'machine: { program: main.asm }', 'files: { main.asm: hlt }', '',
  ].join('\n'); // prettier-ignore
}

/** `{ name, act }`, with what comes before and after it unmeasured. */
export function boardActs(page) {
  const rest = (milliseconds = 1200) => page.waitForTimeout(milliseconds);
  const part = (node) => page.locator(`[data-part="${node}"]`);
  const frames = async (act) => {
    for (let i = 0; i < FRAMES; i++) {
      await act(i);
      await rest(FRAME_MS);
    }
  };
  let hold = { x: 0, y: 0 };
  /** the pointer comes to a part; pressing, moving and letting go are three more acts */
  const reach = async (node) => {
    const box = await part(node).boundingBox();
    hold = { x: box.x + box.width / 2, y: box.y + box.height - 4 };
    await page.mouse.move(hold.x, hold.y);
    await rest(300);
  };
  const drag = async () => {
    const { x, y } = hold;
    await page.mouse.down();
    await frames((i) => page.mouse.move(x + 40 * Math.sin(i / 9) + i / 4, y + 30 * Math.cos(i / 7)));
  };
  const carry = async (node) => (await reach(node), await drag());
  const click = async () => {
    await page.mouse.down();
    await page.mouse.up();
    await rest();
  };
  const press = async (key) => {
    await page.keyboard.press(key);
    await rest();
  };
  const at = async (node) => {
    await part(node).focus();
    await rest(300);
  };
  const tab = async (name) => {
    await page.getByRole('tab', { name, exact: true }).click();
    await rest();
  };
  const tap = async (id) => {
    await page.getByTestId(id).click();
    await rest();
  };
  const undo = () => press('Control+z');
  const drop = async () => {
    await page.mouse.up();
    await rest();
  };
  const show = async () => (await at('slot:S40'), await press('0'));
  const room = () => page.locator('.cv').boundingBox();
  const chooseAll = async () => (await at('slot:S40'), await press('Control+a'));
  const chooseNone = async () => (await at('slot:S40'), await press('Escape'));
  const inspect = async (node) => {
    await part(node).click();
    await rest();
  };
  const field = () => page.locator('[data-panel="inspector"] input[placeholder*="generation"]');

  /** a controller with its 32 slots, and 17 more slots */
  const copyFifty = async () => {
    await show();
    await chooseNone();
    await part('controller:mc0').focus();
    await page.keyboard.press('Control+Space');
    for (let i = 32; i < 49; i++) {
      await part(`slot:S${i}`).focus();
      await page.keyboard.press('Control+Space');
    }
    await at('slot:S40');
    await press('Control+c');
  };

  let view;

  return [
    {
      name: 'opening the board',
      prepare: async () => (await press('Control+6'), await rest(3000)),
      act: async () => {
        await page.keyboard.press('Control+1');
        await rest(2000);
      },
    },
    {
      name: 'dragging a part',
      prepare: async () => (await show(), await reach('slot:S22')),
      act: drag,
      restore: async () => (await drop(), await undo()),
    },
    { name: 'letting a part go', prepare: async () => (await show(), await carry('slot:S24')), act: drop, restore: undo },
    { name: 'undoing a move', prepare: async () => (await show(), await carry('slot:S24'), await drop()), act: undo },
    { name: 'redoing a move', act: () => press('Control+Shift+z'), restore: undo },
    {
      name: 'dragging at the edge',
      prepare: async () => (await show(), await reach('slot:S28')),
      act: drag,
      restore: async () => (await drop(), await undo()),
    },
    {
      name: 'dragging all parts',
      prepare: async () => (await show(), await chooseAll(), await reach('slot:S40')),
      act: drag,
      restore: async () => (await drop(), await undo(), await chooseNone()),
    },
    {
      name: 'letting all parts go',
      prepare: async () => (await show(), await chooseAll(), await carry('slot:S40')),
      act: drop,
      restore: async () => (await undo(), await chooseNone()),
    },
    {
      name: 'undoing a move of all parts',
      prepare: async () => (await show(), await chooseAll(), await carry('slot:S40'), await drop()),
      act: undo,
      restore: chooseNone,
    },
    {
      name: 'zooming',
      prepare: async () => {
        await show();
        view = await room();
        await page.mouse.move(view.x + view.width / 2, view.y + view.height / 3);
      },
      act: async () => {
        await frames((i) => page.mouse.wheel(0, i % 30 < 15 ? -60 : 60));
        await rest(300);
      },
    },
    {
      name: 'moving the view',
      prepare: async () => (await show(), (view = await room())),
      act: async () => {
        const { x, y, width, height } = view;
        await page.mouse.move(x + width / 2, y + height - 60);
        await page.mouse.down();
        await frames((i) => page.mouse.move(x + width / 2 + 80 * Math.sin(i / 9), y + height - 60 - i));
        await page.mouse.up();
        await rest(300);
      },
    },
    {
      name: 'selecting with a box',
      prepare: async () => (await show(), (view = await room())),
      act: async () => {
        const { x, y, width, height } = view;
        await page.keyboard.down('Shift');
        await page.mouse.move(x + 2, y + height - 60);
        await page.mouse.down();
        await frames((i) => page.mouse.move(x + 2 + (i * width) / FRAMES, y + height - 60 - (i * (height - 70)) / FRAMES));
        await page.mouse.up();
        await page.keyboard.up('Shift');
        await rest();
      },
      restore: chooseNone,
    },
    {
      name: 'selecting all parts',
      prepare: async () => (await show(), await at('slot:S40')),
      act: () => press('Control+a'),
      restore: chooseNone,
    },
    {
      name: 'inspecting another slot',
      prepare: async () => (await show(), await inspect('slot:S41'), await reach('slot:S42')),
      act: click,
    },
    {
      name: 'inspecting a controller',
      prepare: async () => (await show(), await inspect('slot:S41'), await reach('controller:mc0')),
      act: click,
    },
    {
      name: 'typing a number in the inspector',
      prepare: async () => (await show(), await inspect('slot:S42'), await field().click(), await rest()),
      act: async () => {
        await page.keyboard.type('48000', { delay: 40 });
        await page.keyboard.press('Enter');
        await rest();
      },
      restore: async () => (await at('slot:S42'), await undo()),
    },
    {
      name: 'undoing the number',
      prepare: async () => {
        await inspect('slot:S42');
        await field().click();
        await page.keyboard.type('48000');
        await page.keyboard.press('Enter');
        await at('slot:S42');
        await rest();
      },
      act: undo,
    },
    { name: 'unplugging a DIMM', prepare: async () => (await show(), await at('slot:S42')), act: () => press('Delete'), restore: undo },
    {
      name: 'removing a controller with 32 slots',
      prepare: async () => (await show(), await at('controller:mc0')),
      act: () => press('Delete'),
      restore: undo,
    },
    {
      name: 'bringing the controller back',
      prepare: async () => (await show(), await at('controller:mc0'), await press('Delete')),
      act: undo,
    },
    {
      name: 'pasting 50 parts',
      prepare: copyFifty,
      act: () => press('Control+Shift+v'),
      restore: async () => (await undo(), await chooseNone()),
    },
    {
      name: 'undoing and redoing the paste',
      prepare: async () => (await copyFifty(), await press('Control+Shift+v')),
      act: async () => (await undo(), await press('Control+Shift+z')),
      restore: async () => (await undo(), await chooseNone()),
    },
    { name: 'opening the list of parts', act: () => tab('Parts list'), restore: () => tab('Board') },
    {
      name: 'zooming the strip',
      prepare: async () => (await show(), await page.locator('[data-panel="map"] .scroll').focus()),
      act: async () => {
        for (let i = 0; i < 8; i++) {
          await page.keyboard.press(i < 4 ? '+' : '-');
          await rest(250);
        }
      },
    },
    { name: 'changing the language', prepare: show, act: () => tap('language'), restore: () => tap('language') },
    { name: 'changing the theme', prepare: show, act: () => tap('theme'), restore: () => tap('theme') },
    {
      name: 'to Programs and back to the board',
      prepare: show,
      act: async () => (await press('Control+2'), await press('Control+1'), await rest()),
    },
  ];
}
