/**
 * Measures the GPU in a hidden, sandboxed window of its own, because browsers reach it where Node does not.
 * A driver that crashes takes that window down and nothing else.
 */
import { join } from 'node:path';
import { BrowserWindow, type IpcMainEvent, ipcMain, session } from 'electron';
import { type GpuProbeResult, gpuProbeSchema } from '../../shared/api/contract.ts';
import { IPC } from '../../shared/wire.ts';
import { APP_ORIGIN, serveAppPages } from './app-protocol.ts';
import { confineSession, isOurs } from './confinement.ts';
import { CONFINED } from './window.ts';

/** Software renderers take half a minute; a window that is silent for this long is stuck. */
const PROBE_MS_MAX = 180_000;
/** Not persistent: nothing of a probe stays on the disk. */
const PARTITION = 'gpu-probe';

/** Rejects with one sentence when there was no result. */
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
        () => reject(new Error(`The GPU probe gave no result in ${PROBE_MS_MAX / 1000} s.`)),
        PROBE_MS_MAX,
      );
      stopListening.push(() => clearTimeout(timer));
      listen(IPC.probeReport, (event, value) => {
        if (!ours(event)) return;
        const parsed = gpuProbeSchema.safeParse(value);
        if (parsed.success) resolve(parsed.data);
        else reject(new Error('The GPU probe gave a result that is not understood.'));
      });
      listen(IPC.probeFail, (event, message) => {
        if (ours(event)) reject(new Error(String(message).slice(0, 500)));
      });
      webContents.once('render-process-gone', (_event, details) =>
        reject(new Error(`The GPU probe's process ended: ${details.reason}.`)),
      );
      window.loadURL(`${APP_ORIGIN}/probe.html`).catch(reject);
    });
  } finally {
    for (const stop of stopListening) stop();
    window.destroy();
  }
}
