/** The service and addresses by which machines that invite and machines that want to join find each other. */

/** Service tag of mDNS; each network's own machines have another one. */
export const PAIRING_TAG = '_idlewatt-pair._udp.local';
/** Every interface of this machine, on a port of its own that is open while a code is. */
export const PAIRING_LISTEN = ['/ip4/0.0.0.0/tcp/0'];
