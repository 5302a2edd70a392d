/**
 * Measures the GPU in a hidden, sandboxed window of its own, because Chromium can use the GPU and Node can't. A driver
 * that crashes takes down that window only.
 */
import { join } from 'node:path';
import { BrowserWindow, type IpcMainEvent, ipcMain, session } from 'electron';
import { type GpuProbeResult, gpuProbeSchema } from '../../shared/api/contract.ts';
import { IPC } from '../../shared/wire.ts';
import { APP_ORIGIN, serveAppPages } from './app-protocol.ts';
import { confineSession, isOurs } from './confinement.ts';
import { CONFINED } from './pages-window.ts';

/** Software renderers take half a minute; a window without a result after this long is stuck. */
const PROBE_MS_MAX = 180_000;
/** Not persistent: nothing of a probe stays on disk. */
const PARTITION = 'gpu-probe';

/** Rejects with one sentence when there is no result. */
export async function probeGpu(appFolder: string): Promise<GpuProbeResult> {
  const own = session.fromPartition(PARTITION);
  if (!own.protocol.isProtocolHandled('app')) {
    confineSession(own);
    serveAppPages(own, join(appFolder, 'dist/renderer'));
  }
  const window = new BrowserWindow({
    show: false,
    webPreferences: {
      ...CONFINED,
      session: own,
      backgroundThrottling: false,
      preload: join(appFolder, 'dist/preload/probe.cjs'),
    },
  });
  const { webContents } = window;
  const ours = (event: IpcMainEvent) =>
    event.sender === webContents && event.senderFrame !== null && isOurs(event.senderFrame.url);
  const stopListening: (() => void)[] = [];
  const listen = (channel: string, listener: (event: IpcMainEvent, value: unknown) => void) => {
    ipcMain.on(channel, listener);
    stopListening.push(() => ipcMain.off(channel, listener));
  };
  try {
    return await new Promise<GpuProbeResult>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`The GPU probe returned no result within ${PROBE_MS_MAX / 1000} s.`)),
        PROBE_MS_MAX,
      );
      stopListening.push(() => clearTimeout(timer));
      listen(IPC.probeReport, (event, value) => {
        if (!ours(event)) return;
        const parsed = gpuProbeSchema.safeParse(value);
        if (parsed.success) resolve(parsed.data);
        else reject(new Error('The GPU probe returned an invalid result.'));
      });
      listen(IPC.probeFail, (event, message) => {
        if (ours(event)) reject(new Error(String(message).slice(0, 500)));
      });
      webContents.once('render-process-gone', (_event, details) =>
        reject(new Error(`The GPU probe's process exited (${details.reason}).`)),
      );
      window.loadURL(`${APP_ORIGIN}/probe.html`).catch(reject);
    });
  } finally {
    for (const stop of stopListening) stop();
    window.destroy();
  }
}
