/**
 * Verifies: a video in a real player counts as the owner's presence, and only while it plays.
 * Setup: Chromium's own player (in a bare Electron, not our app) plays a video with sound on a virtual display. It
 * requests from a desktop's services to keep the display awake; the services are fakes on a bus of the test's own that
 * record the requests.
 * Fails if: players use a service that the sensor doesn't query, music counts as a video, or a video still counts when
 * it is over.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Message } from '@jellybrick/dbus-next';
import type { Page } from 'playwright';
import { createDesktopBusSensor } from '../../main/adapters/dbus/index.ts';
import { type Answers, openPrivateBus, type PrivateBus, type Service } from '../contract/private-bus.ts';
import { manualClock } from '../fakes/clock.ts';
import { launchElectron, until } from './app.ts';
import { type OwnDisplay, openOwnDisplay } from './display.ts';

/** KDE's policies: keep the machine from sleeping, keep the screen from turning off. */
const KDE_SESSION = 1;
const KDE_SCREEN = 4;
const EVERY_KIND = ~0;
/** Longer than the minute after which the sensor retries an absent service. */
const LATER_MS = 61_000;

type Answered = (question: Message) => readonly [signature: string, ...body: unknown[]];
type Desktop = Readonly<Record<string, Answers>>;
type Inhibitors = ReturnType<typeof createInhibitors>;
/** Waits until the sensor reports this value; resolves with the reading's source. */
type Awake = (is: boolean | undefined) => Promise<string | undefined>;

/** The requests of players, by cookie: the kinds of inhibition as a set of bits. */
function createInhibitors() {
  const kinds = new Map<number, number>();
  let cookie = 0;
  const has = (wanted: number) => [...kinds.values()].some((kind) => (kind & wanted) !== 0);
  /**
   * Responses of a service: `kindOf` reads the kinds from a request; the other two read their cookie or kinds first.
   */
  return {
    has,
    add:
      (kindOf: (body: unknown[]) => number): Answered =>
      ({ body }) => {
        cookie += 1;
        kinds.set(cookie, kindOf(body));
        return ['u', cookie];
      },
    release: (({ body }) => {
      kinds.delete(Number(body[0]));
      return [''];
    }) satisfies Answered,
    query: (({ body }) => ['b', has(Number(body[0]))]) satisfies Answered,
  };
}

function gnome(inhibitors: Inhibitors): Desktop {
  const manager = '/org/gnome/SessionManager';
  return {
    'org.gnome.SessionManager': new Map([
      [`${manager} Inhibit`, inhibitors.add(([, , , flags]) => Number(flags))],
      [`${manager} Uninhibit`, inhibitors.release],
      [`${manager} IsInhibited`, inhibitors.query],
    ]),
  };
}

/** A power manager as KDE has it, which doesn't report kinds. */
function powerManager(inhibitors: Inhibitors): Desktop {
  const manager = '/org/freedesktop/PowerManagement/Inhibit';
  return {
    'org.freedesktop.PowerManagement': new Map<string, Answered>([
      [`${manager} Inhibit`, inhibitors.add(() => KDE_SESSION)],
      [`${manager} UnInhibit`, inhibitors.release],
      [`${manager} HasInhibit`, () => ['b', inhibitors.has(KDE_SESSION)]],
    ]),
  };
}

function kde(inhibitors: Inhibitors): Desktop {
  return {
    ...powerManager(inhibitors),
    'org.freedesktop.ScreenSaver': new Map([
      ['/org/freedesktop/ScreenSaver Inhibit', inhibitors.add(() => KDE_SCREEN)],
      ['/org/freedesktop/ScreenSaver UnInhibit', inhibitors.release],
    ]),
    'org.kde.Solid.PowerManagement': new Map([
      ['/org/kde/Solid/PowerManagement/PolicyAgent HasInhibition', inhibitors.query],
    ]),
  };
}

/** Serves a desktop on the bus and runs `check` with a sensor that reads from it. */
async function on(bus: PrivateBus, desktop: Desktop, check: (awake: Awake) => Promise<void>): Promise<void> {
  const clock = manualClock(1_000_000);
  const sensor = createDesktopBusSensor({ addresses: { system: null, session: bus.address }, clock });
  const services: Service[] = [];
  for (const [name, answers] of Object.entries(desktop)) services.push(await bus.serve(name, answers));
  const read = async () => {
    clock.advance(LATER_MS);
    return (await sensor.read()).displayKeptAwake;
  };
  try {
    await check(async (is) => {
      const title = `a display kept awake: ${is}`;
      return (await until(title, read, (reading) => reading?.value === is))?.source;
    });
  } finally {
    sensor.close();
    for (const service of services) service.close();
  }
}

/** A bare Electron whose page has a video and a music file. */
async function openPlayer(folder: string, bus: PrivateBus, display: OwnDisplay) {
  writeFileSync(join(folder, 'package.json'), '{"name":"player","version":"1.0.0","main":"main.cjs"}');
  writeFileSync(join(folder, 'main.cjs'), '');
  const app = await launchElectron(folder, [`--user-data-dir=${join(folder, 'data')}`], {
    ...display.env,
    DBUS_SESSION_BUS_ADDRESS: bus.address,
  });
  await app.evaluate(async ({ app, BrowserWindow }) => {
    await app.whenReady();
    void new BrowserWindow({ width: 1000, height: 700 }).loadURL('about:blank');
  });
  const page = await app.firstWindow();
  await page.evaluate(recordMedia);
  return { app, page };
}

async function play(page: Page, element: 'video' | 'audio'): Promise<void> {
  await page.evaluate((name) => document.querySelector<HTMLMediaElement>(name)?.play(), element);
}

async function pause(page: Page, element: 'video' | 'audio'): Promise<void> {
  await page.evaluate((name) => document.querySelector<HTMLMediaElement>(name)?.pause(), element);
}

function released(inhibitors: Inhibitors): Promise<boolean> {
  const isHeld = () => inhibitors.has(EVERY_KIND);
  return until('the player to release its requests', isHeld, (held) => !held);
}

/** `music` is the kind of inhibition that music requests on this desktop, `source` the one that reports the video. */
async function musicThenVideo(
  { page, awake, inhibitors }: { page: Page; awake: Awake; inhibitors: Inhibitors },
  { music, source }: { music: number; source: string },
): Promise<void> {
  await awake(false);
  await play(page, 'audio');
  await until('the player’s request', () => inhibitors.has(music), Boolean);
  await awake(false);
  await pause(page, 'audio');
  await play(page, 'video');
  assert.equal(await awake(true), source);
  await pause(page, 'video');
  await awake(false);
  await released(inhibitors);
}

describe('a video in a real player', { skip: process.platform !== 'linux', timeout: 180_000 }, () => {
  let bus: PrivateBus;
  let folder: string;
  let display: OwnDisplay;
  let player: Awaited<ReturnType<typeof openPlayer>>;

  before(async () => {
    bus = await openPrivateBus();
    folder = mkdtempSync(join(tmpdir(), 'idlewatt-player-'));
    display = await openOwnDisplay();
    player = await openPlayer(folder, bus, display);
  });
  after(async () => {
    await player.app.close();
    await display.close();
    await bus.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is detected under GNOME while it plays, and music is not', async () => {
    const inhibitors = createInhibitors();
    await on(bus, gnome(inhibitors), (awake) =>
      musicThenVideo(
        { page: player.page, awake, inhibitors },
        { music: EVERY_KIND, source: 'gnome-session' },
      ),
    );
  });

  it('is detected under KDE while it plays, and music is not', async () => {
    const inhibitors = createInhibitors();
    await on(bus, kde(inhibitors), (awake) =>
      musicThenVideo({ page: player.page, awake, inhibitors }, { music: KDE_SESSION, source: 'powerdevil' }),
    );
  });

  it('is detected where there is only a power manager, and ends when its player is closed', async () => {
    const inhibitors = createInhibitors();
    await on(bus, powerManager(inhibitors), async (awake) => {
      await awake(false);
      await play(player.page, 'video');
      assert.equal(await awake(true), 'power-management');
      await player.page.close();
      await awake(false);
      await released(inhibitors);
    });
  });
});

/** Runs in the page: records two seconds of colors and a tone as a video file and a music file. */
async function recordMedia(): Promise<void> {
  const picture = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  const context = picture.getContext('2d');
  let color = 0;
  const painting = setInterval(() => {
    color += 7;
    if (context === null) return;
    context.fillStyle = `hsl(${color} 90% 50%)`;
    context.fillRect(0, 0, picture.width, picture.height);
  }, 40);
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const sound = audio.createMediaStreamDestination();
  tone.connect(sound);
  tone.start();
  const tracks = [...picture.captureStream(25).getTracks(), ...sound.stream.getTracks()];
  const record = async (kind: MediaStreamTrack[], type: string) => {
    const recorder = new MediaRecorder(new MediaStream(kind), { mimeType: type });
    const recorded = new Promise<Blob>((resolve) =>
      recorder.addEventListener('dataavailable', ({ data }) => resolve(data)),
    );
    recorder.start();
    setTimeout(() => recorder.stop(), 2_000);
    return URL.createObjectURL(await recorded);
  };
  const [film, music] = await Promise.all([
    record(tracks, 'video/webm;codecs=vp8,opus'),
    record(sound.stream.getTracks(), 'audio/webm;codecs=opus'),
  ]);
  clearInterval(painting);
  await audio.close();
  const video = Object.assign(document.createElement('video'), { src: film, loop: true });
  video.style.cssText = 'position:fixed;inset:0;width:100vw;height:100vh';
  document.body.append(video, Object.assign(document.createElement('audio'), { src: music, loop: true }));
}
