/** The shell's own words, in the languages of the pages: tray, notice and dialogs. */
import { type Asset, formatUnits } from '../../shared/money.ts';
import type { Settings } from '../../shared/settings.ts';

const en = {
  open: 'Open Idlewatt',
  quit: 'Quit Idlewatt (earning stops)',
  pause: 'Pause',
  resume: 'Resume',
  pause30: 'For 30 minutes',
  pause60: 'For 1 hour',
  pause120: 'For 2 hours',
  pauseTomorrow: 'Until tomorrow',
  pauseResume: 'Until I resume',
  wallet: 'Wallet',
  backUp: 'Back up with words …',
  saveKeyFile: 'Save a key file …',
  bringWallet: 'Bring another wallet …',
  typePassphrase: 'Type the pass phrase',
  earnedToday: 'Earned today: {amount}',
  earnedTodayPractice: 'Earned today: {amount} (practice money)',
  connecting: 'Starting.',
  gone: 'Not running. Open Idlewatt to see why.',
  earning: 'Earning: {count} at work.',
  practising: 'Earning practice money: {count} at work.',
  oneJob: '1 job',
  jobs: '{count} jobs',
  withSpeed: '{text} {speed} tokens a second.',
  ready: 'Ready. Nobody is asking right now.',
  loading: 'Starting. The model is being loaded.',
  restarting: 'Starting. The engine ended and is coming back.',
  pausedUntil: 'Paused until {time}.',
  paused: 'Paused until you resume.',
  ownerActive: 'Waiting. You are using this machine.',
  onBattery: 'Waiting. The machine runs on battery.',
  tooWarm: 'Slower. The machine is near your limit of temperature.',
  tooMuchPower: 'Slower. The machine takes more watts than you allow.',
  tooHot: 'Waiting. The machine is hotter than you allow.',
  lidClosed: 'Waiting. The lid is closed.',
  metered: 'Waiting. The network is paid by volume.',
  outsideSchedule: 'Waiting. The schedule goes on {time}.',
  powerDear: 'Waiting. Power is cheap again {time}.',
  notLocked: 'Waiting. The screen is not locked.',
  remoteSession: 'Waiting. Somebody works here over the network.',
  controllerInUse: 'Waiting. A game controller is in use.',
  fullScreen: 'Waiting. A program fills the screen.',
  displayKeptAwake: 'Waiting. A program keeps the display awake.',
  graphicsInUse: 'Waiting. Another program uses the graphics card.',
  processorInUse: 'Waiting. Other programs use the processor.',
  sessionUnknown: 'Waiting. It cannot be seen whether you use this machine.',
  noModel: 'Waiting. No model is ready yet.',
  engineGaveUp: 'Stopped. The engine ended too often.',
  staysTitle: 'Idlewatt stays in the tray',
  staysText: 'It goes on earning with its window closed. Pause or quit it from its icon in the tray.',
  cannotStart: 'Idlewatt cannot start',
  stoppedWorking: 'Idlewatt stopped working',
  moneySafe: 'What was earned is kept on this machine and is not lost.',
  spendSendTitle: 'Send {amount}?',
  spendSpeedUpTitle: 'Pay a higher fee, so that {amount} arrive sooner?',
  spendCancelTitle: 'Cancel the transfer that is under way?',
  spendAmount: 'Amount: {amount}',
  spendTo: 'To: {address}',
  spendFrom: 'From: {address}',
  spendNetwork: 'Network: {network}',
  spendFee: 'Network fee: at most {fee}',
  spendTotal: 'In all: at most {total}',
  spendReplaces: 'Takes the place of: {hash}',
  spendSmallTest: 'This is a small test: only this part is sent.',
  spendToContract: 'Careful: the address is a contract. It may not be able to give the money back.',
  spendToOwn: 'Careful: the address is this wallet’s own. Only the fee would be spent.',
  spendFirstTime: 'This wallet never sent anything to this address. Compare every character.',
  spendPractice: 'This is practice money: it is worth nothing.',
  spendReal: 'This is real money. What was sent cannot be taken back.',
  spendCancel: 'Do not send',
  spendSend: 'Send {amount}',
  spendSpeedUp: 'Pay the higher fee',
  spendCancelSpend: 'Cancel the transfer',
  practiceMoney: 'practice {symbol}',
  noKeychain:
    'This system has no keychain that keeps secrets safe, so no wallet for real money is opened here. Turn on a keyring (GNOME Keyring or KWallet) and try again, or start Idlewatt with --passphrase-file.',
  keychainUnreadable:
    'The keychain of this system does not open the wallet’s pass phrase that was kept with it. No new wallet was made.',
  tryAgain: 'Try again',
  quitButton: 'Quit',
};

type Words = { readonly [Name in keyof typeof en]: string };

const de: Words = {
  open: 'Idlewatt öffnen',
  quit: 'Idlewatt beenden (das Verdienen endet)',
  pause: 'Pause',
  resume: 'Fortsetzen',
  pause30: 'Für 30 Minuten',
  pause60: 'Für 1 Stunde',
  pause120: 'Für 2 Stunden',
  pauseTomorrow: 'Bis morgen',
  pauseResume: 'Bis ich fortsetze',
  wallet: 'Wallet',
  backUp: 'Mit Wörtern sichern …',
  saveKeyFile: 'Schlüsseldatei speichern …',
  bringWallet: 'Anderes Wallet mitbringen …',
  typePassphrase: 'Passphrase eingeben',
  earnedToday: 'Heute verdient: {amount}',
  earnedTodayPractice: 'Heute verdient: {amount} (Übungsgeld)',
  connecting: 'Startet.',
  gone: 'Läuft nicht. Öffnen Sie Idlewatt, um zu sehen, warum.',
  earning: 'Verdient: {count} in Arbeit.',
  practising: 'Verdient Übungsgeld: {count} in Arbeit.',
  oneJob: '1 Auftrag',
  jobs: '{count} Aufträge',
  withSpeed: '{text} {speed} Token pro Sekunde.',
  ready: 'Bereit. Gerade fragt niemand.',
  loading: 'Startet. Das Modell wird geladen.',
  restarting: 'Startet. Die Engine endete und kommt zurück.',
  pausedUntil: 'Pause bis {time}.',
  paused: 'Pause, bis Sie fortsetzen.',
  ownerActive: 'Wartet. Sie benutzen diesen Rechner.',
  onBattery: 'Wartet. Der Rechner läuft mit Akku.',
  tooWarm: 'Langsamer. Der Rechner ist nahe an Ihrer Temperaturgrenze.',
  tooMuchPower: 'Langsamer. Der Rechner nimmt mehr Watt auf, als Sie erlauben.',
  tooHot: 'Wartet. Der Rechner ist heißer, als Sie erlauben.',
  lidClosed: 'Wartet. Der Deckel ist zu.',
  metered: 'Wartet. Das Netz wird nach Menge bezahlt.',
  outsideSchedule: 'Wartet. Der Zeitplan geht weiter: {time}.',
  powerDear: 'Wartet. Strom ist wieder billig: {time}.',
  notLocked: 'Wartet. Der Bildschirm ist nicht gesperrt.',
  remoteSession: 'Wartet. Jemand arbeitet hier über das Netz.',
  controllerInUse: 'Wartet. Ein Gamecontroller ist in Gebrauch.',
  fullScreen: 'Wartet. Ein Programm füllt den Bildschirm.',
  displayKeptAwake: 'Wartet. Ein Programm hält den Bildschirm wach.',
  graphicsInUse: 'Wartet. Ein anderes Programm benutzt die Grafikkarte.',
  processorInUse: 'Wartet. Andere Programme benutzen den Prozessor.',
  sessionUnknown: 'Wartet. Ob Sie diesen Rechner benutzen, ist nicht zu erkennen.',
  noModel: 'Wartet. Noch ist kein Modell bereit.',
  engineGaveUp: 'Angehalten. Die Engine endete zu oft.',
  staysTitle: 'Idlewatt bleibt in der Leiste',
  staysText:
    'Es verdient weiter, auch wenn das Fenster zu ist. Pause und Beenden finden Sie an seinem Symbol in der Leiste.',
  cannotStart: 'Idlewatt kann nicht starten',
  stoppedWorking: 'Idlewatt arbeitet nicht mehr',
  moneySafe: 'Was verdient wurde, liegt auf diesem Rechner und ist nicht verloren.',
  spendSendTitle: '{amount} senden?',
  spendSpeedUpTitle: 'Eine höhere Gebühr zahlen, damit {amount} früher ankommen?',
  spendCancelTitle: 'Die laufende Überweisung abbrechen?',
  spendAmount: 'Betrag: {amount}',
  spendTo: 'An: {address}',
  spendFrom: 'Von: {address}',
  spendNetwork: 'Netz: {network}',
  spendFee: 'Netzgebühr: höchstens {fee}',
  spendTotal: 'Insgesamt: höchstens {total}',
  spendReplaces: 'Tritt an die Stelle von: {hash}',
  spendSmallTest: 'Das ist ein kleiner Versuch: Nur dieser Teil wird gesendet.',
  spendToContract: 'Achtung: Die Adresse ist ein Vertrag. Er kann das Geld vielleicht nicht zurückgeben.',
  spendToOwn: 'Achtung: Die Adresse gehört diesem Wallet selbst. Ausgegeben würde nur die Gebühr.',
  spendFirstTime:
    'Dieses Wallet hat noch nie etwas an diese Adresse gesendet. Vergleichen Sie jedes Zeichen.',
  spendPractice: 'Das ist Übungsgeld: Es ist nichts wert.',
  spendReal: 'Das ist echtes Geld. Gesendetes lässt sich nicht zurückholen.',
  spendCancel: 'Nicht senden',
  spendSend: '{amount} senden',
  spendSpeedUp: 'Höhere Gebühr zahlen',
  spendCancelSpend: 'Überweisung abbrechen',
  practiceMoney: 'Übungs-{symbol}',
  noKeychain:
    'Dieses System hat keinen Schlüsselbund, der Geheimnisse sicher verwahrt; darum wird hier kein Wallet für echtes Geld geöffnet. Schalten Sie einen Schlüsselbund ein (GNOME-Keyring oder KWallet) und versuchen Sie es noch einmal, oder starten Sie Idlewatt mit --passphrase-file.',
  keychainUnreadable:
    'Der Schlüsselbund dieses Systems öffnet die Passphrase des Wallets nicht, die mit ihm verwahrt wurde. Es wurde kein neues Wallet angelegt.',
  tryAgain: 'Noch einmal versuchen',
  quitButton: 'Beenden',
};

export type Word = keyof typeof en;
export type Language = 'en' | 'de';

/** The language for a setting; `system` follows the system's tag and falls back to English. */
export function languageFor(setting: Settings['language'], systemTag: string): Language {
  if (setting !== 'system') return setting;
  return systemTag.toLowerCase().split('-')[0] === 'de' ? 'de' : 'en';
}

/** The words of a language, with `{name}` filled in. */
export function say(language: Language, word: Word, values: Readonly<Record<string, string>> = {}): string {
  const text = (language === 'de' ? de : en)[word];
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
}

/** An amount with every digit and its unit; practice money says so. */
export function moneyText(asset: Asset, baseUnits: string, language: Language): string {
  const plain = formatUnits(BigInt(baseUnits), asset.decimals) as `${number}`;
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: asset.decimals }).format(plain);
  return `${number} ${asset.practice ? say(language, 'practiceMoney', { symbol: asset.symbol }) : asset.symbol}`;
}
