/** The renderer's entry: finds the shell around it, loads the settings, mounts the window. */
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import 'dockview-vue/dist/styles/dockview.css';
import type { ShellBridge } from '../lab/shell-bridge';
import App from './App.vue';
import { createMessages } from './i18n';
import { BridgeError } from './shell/bridge-failure';
import { connectWebBridge } from './shell/web-bridge';
import { BRIDGE } from './stores/bridge';
import { useSettings } from './stores/settings';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/dock.css';
import './styles/editor.css';

async function start(bridge: ShellBridge): Promise<void> {
  const pinia = createPinia();
  const app = createApp(App).use(pinia).provide(BRIDGE, bridge);
  const settings = app.runWithContext(() => useSettings(pinia));
  await settings.load();
  app.use(createMessages(settings.language));
  app.config.errorHandler = (error) => console.error(error);
  app.mount('#app');
}

/** Nothing can be shown in the usual way yet: both languages, in plain text. */
function explain(error: unknown): void {
  document.documentElement.dataset['theme'] = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const words = error instanceof BridgeError ? error.words : { en: String(error), 'zh-CN': '' };
  const page = document.createElement('main');
  page.style.cssText = 'max-width: 60ch; margin: 15vh auto; padding: 0 24px; font: 15px/1.6 var(--font-ui); user-select: text;';
  for (const text of [words.en, words['zh-CN']].filter(Boolean)) {
    const paragraph = document.createElement('p');
    paragraph.style.marginBottom = '1em';
    paragraph.textContent = text;
    page.append(paragraph);
  }
  document.body.replaceChildren(page);
}

try {
  await start(window.pagewalk ?? (await connectWebBridge()));
} catch (error) {
  console.error(error);
  explain(error);
}
