/* Scans that are not sent yet, in the order in which they were made, and those that somebody has to look at.

   They stay in this browser (IndexedDB) through a reload, a closed tab and a sign-out, until the library has answered. */

const OPENED = new Promise((resolve, reject) => {
  const request = indexedDB.open("desk", 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("scans", { keyPath: "order", autoIncrement: true });
    request.result.createObjectStore("conflicts", { keyPath: "key" });
    request.result.createObjectStore("facts");
  };
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/* A browser that keeps nothing, as some do in private windows: until the page is left, as before. */
const MEMORY = { scans: new Map(), conflicts: new Map(), facts: new Map() };
let last = 0;

function inMemory(name) {
  const rows = MEMORY[name];
  return {
    add: (row) => (rows.set((last += 1), { ...row, order: last }), { result: last }),
    put: (row, key = row.order ?? row.key) => rows.set(name === "conflicts" ? row.key : key, row),
    get: (key) => ({ result: rows.get(key) }),
    getAll: () => ({ result: [...rows.values()] }),
    delete: (key) => rows.delete(key),
  };
}

/** Runs `work(stores)` in one transaction; resolves with the results of its requests once they are written. */
async function inStores(names, mode, work) {
  const database = await OPENED.catch(() => null);
  if (!database) return (work(Object.fromEntries(names.map((name) => [name, inMemory(name)]))) ?? []).map((request) => request.result);
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(names, mode, { durability: "strict" });
    const requests = work(Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)]))) ?? [];
    transaction.oncomplete = () => resolve(requests.map((request) => request.result));
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** Keeps a scan; resolves with its place in the order. */
export async function keep(scan) {
  const [order] = await inStores(["scans"], "readwrite", ({ scans }) => [scans.add(scan)]);
  return order;
}

/** All scans that wait, the oldest first, each with its `order`; and the conflicts. */
export async function look() {
  const [waiting, conflicts] = await inStores(["scans", "conflicts"], "readonly", ({ scans, conflicts: kept }) => [scans.getAll(), kept.getAll()]);
  return { waiting, conflicts: conflicts.sort((one, other) => one.at - other.at) };
}

/** The public id of the reader whom the scans before left being served. */
export async function served() {
  const [uid] = await inStores(["facts"], "readonly", ({ facts }) => [facts.get("served")]);
  return uid ?? "";
}

/** The library has answered: the scan is done, or becomes a conflict; from now on that reader is served. */
export function settle(scan, { conflict, reader }) {
  return inStores(["scans", "conflicts", "facts"], "readwrite", ({ scans, conflicts, facts }) => {
    scans.delete(scan.order);
    if (conflict) conflicts.put({ ...scan, ...conflict });
    if (reader !== undefined) facts.put(reader, "served");
  });
}

/** Who is signed in takes over the scans of others; who made them stays written on them. */
export async function takeOver(me) {
  const { waiting } = await look();
  await inStores(["scans"], "readwrite", ({ scans }) => {
    for (const scan of waiting) scans.put({ ...scan, sender: me });
  });
}

/** Somebody has dealt with a conflict. */
export function forget(key) {
  return inStores(["conflicts"], "readwrite", ({ conflicts }) => {
    conflicts.delete(key);
  });
}
