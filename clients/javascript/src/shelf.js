/**
 * Where a tab keeps what must outlive it: localStorage, under the tab's own name, so that two tabs never overwrite each
 * other. What a tab left behind that is gone, the next one takes over; a lock that ends with its tab says which is gone.
 */

const TAB = "chatapp.tab";

/**
 * @param {string} prefix of the keys that are taken over
 * @param {{local?: Storage, session?: Storage, locks?: LockManager, randomId?: () => string}} [options]
 * @returns {Promise<{getItem: Function, setItem: Function, removeItem: Function}>} what `Outbox` needs of a Storage
 */
export async function openShelf(prefix, { local = globalThis.localStorage, session = globalThis.sessionStorage, locks = globalThis.navigator?.locks, randomId = () => crypto.randomUUID() } = {}) {
  if (!locks) return session;
  let tab = session.getItem(TAB) ?? randomId();
  if (!(await hold(locks, tab))) await hold(locks, (tab = randomId())); // a duplicated tab has its origin's name
  session.setItem(TAB, tab);
  await takeOver({ prefix, local, locks, tab });
  const own = (key) => `${key}#${tab}`;
  return {
    getItem: (key) => local.getItem(own(key)),
    setItem: (key, value) => local.setItem(own(key), value),
    removeItem: (key) => local.removeItem(own(key)),
  };
}

/** Hold the tab's lock until the tab ends. @returns {Promise<boolean>} false: another one holds it */
function hold(locks, tab) {
  return new Promise((resolve) => {
    locks.request(`${TAB}.${tab}`, { ifAvailable: true }, (lock) => {
      resolve(Boolean(lock));
      return lock ? new Promise(() => {}) : undefined;
    });
  });
}

async function takeOver({ prefix, local, locks, tab }) {
  for (const key of Object.keys(local)) {
    const [place, owner] = key.split("#");
    if (!key.startsWith(prefix) || !owner || owner === tab) continue;
    await locks.request(`${TAB}.${owner}`, { ifAvailable: true }, (lock) => {
      if (!lock) return;
      const mine = `${place}#${tab}`;
      local.setItem(mine, JSON.stringify([...read(local, mine), ...read(local, key)]));
      local.removeItem(key);
    });
  }
}

function read(local, key) {
  try {
    return JSON.parse(local.getItem(key) ?? "[]");
  } catch {
    return [];
  }
}
