// Works where there is no network: punches are kept and sent later, and a page says so. Nothing about anybody is kept but those punches:
// of pages there is /offline alone, and of files those with a digest in their address.
"use strict";
const CACHE = "tally-1";
const OFFLINE = "/offline";
const PUNCHES = "/my/punches";
const QUEUE = "/my/queue";
// What was sent is shown for so long; what was not is kept until it is.
const SHOWN_MS = 24 * 60 * 60 * 1000;

// -- The queue: one table of punches, and one line that says whose device this is.

const opened = () =>
  new Promise((resolve, reject) => {
    const ask = indexedDB.open("tally", 1);
    ask.onupgradeneeded = () => {
      ask.result.createObjectStore("punches", { keyPath: "id" });
      ask.result.createObjectStore("known");
    };
    ask.onsuccess = () => resolve(ask.result);
    ask.onerror = () => reject(ask.error);
  });

async function within(table, mode, act) {
  const base = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const work = base.transaction(table, mode);
      const ask = act(work.objectStore(table));
      work.oncomplete = () => resolve(ask.result);
      work.onabort = work.onerror = () => reject(work.error);
    });
  } finally {
    base.close();
  }
}

const keep = (punch) => within("punches", "readwrite", (table) => table.put(punch));
const forget = (id) => within("punches", "readwrite", (table) => table.delete(id));
const known = (name) => within("known", "readonly", (table) => table.get(name));
const remember = (name, value) => within("known", "readwrite", (table) => table.put(value, name));
const kept = async () => (await within("punches", "readonly", (table) => table.getAll())).sort((a, b) => (a.at < b.at ? -1 : 1));

// -- Sending, in the order of the presses, one after the other; whoever is not signed in sends nothing.

let sending = null;
const send = () => (sending ??= sent().finally(() => (sending = null)));

async function sent() {
  const all = await kept();
  for (const { id } of all.filter((punch) => punch.state !== "waiting" && Date.now() - Date.parse(punch.at) > SHOWN_MS)) await forget(id);
  const waiting = all.filter((punch) => punch.state === "waiting");
  if (waiting.length > 0) {
    const key = await fetch(QUEUE, { headers: { accept: "application/json" } }).catch(() => null);
    if (key?.ok) {
      const { csrf, whose } = await key.json();
      for (const punch of waiting.filter((it) => it.whose === whose)) {
        if (!(await one(punch, csrf))) break;
      }
    }
  }
  await tell();
}

// Whether the next one may follow.
async function one(punch, csrf) {
  const { id, kind, at, whose } = punch;
  const body = new URLSearchParams({ csrf, request_id: id, kind, device_at: at, whose, sent_at: new Date().toISOString() });
  const answer = await fetch(QUEUE, { method: "POST", body }).catch(() => null);
  // Not signed in any more, or no answer of ours: it waits.
  if (!answer || answer.status === 401 || !answer.headers.get("content-type")?.startsWith("application/json")) return false;
  const { state, said } = await answer.json();
  if (state === "later") return false;
  await keep({ ...punch, state, said });
  return true;
}

// Every page that is open shows the same queue, of whoever is signed in on this device.
async function tell() {
  const [all, whose] = await Promise.all([kept(), known("whose")]);
  const queue = all.filter((punch) => punch.whose === whose);
  for (const page of await self.clients.matchAll()) page.postMessage({ queue });
}

// -- A press of the button: with a network it goes through with the device's clock beside it, without one it is kept.

async function punched(request) {
  const form = new URLSearchParams(await request.text());
  const at = new Date().toISOString();
  form.set("device_at", at);
  if (form.get("csrf")) {
    try {
      const answer = await fetch(request.url, { method: "POST", body: form, redirect: "manual" });
      if (answer.status < 500) return answer;
    } catch {
      // No network, or nobody behind it: below.
    }
  }
  // The id of the page's form goes along: if the first try did arrive, the same punch is not made twice.
  const used = (await kept()).some((punch) => punch.id === form.get("request_id"));
  const id = (!used && form.get("request_id")) || crypto.randomUUID();
  await keep({ id, kind: form.get("kind"), at, whose: await known("whose"), state: "waiting", said: "" });
  await self.registration.sync?.register("punches").catch(() => {});
  await send();
  return Response.redirect(OFFLINE, 303);
}

async function page(request) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(OFFLINE)) ?? Response.error();
  }
}

// Files never change at their address.
async function file(request) {
  const found = await caches.match(request);
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(CACHE)).put(request, answer.clone());
  return answer;
}

// The offline page as it is in the reader's language, and all that it loads. Files of earlier versions go.
async function refresh() {
  const answer = await fetch(OFFLINE, { cache: "no-store" });
  if (!answer.ok) return;
  const files = [...new Set((await answer.clone().text()).match(/\/assets\/[\w./-]+/g) ?? [])];
  const cache = await caches.open(CACHE);
  await cache.put(OFFLINE, answer);
  for (const old of await cache.keys()) if (![OFFLINE, ...files].includes(new URL(old.url).pathname)) await cache.delete(old);
  await Promise.all(files.map((path) => file(new Request(path))));
}

addEventListener("install", (event) => event.waitUntil(refresh().then(() => self.skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
addEventListener("sync", (event) => event.tag === "punches" && event.waitUntil(send()));
addEventListener("message", (event) => {
  const { data } = event;
  const work = async () => {
    if (data.whose) await remember("whose", data.whose);
    if (data.whose) await refresh().catch(() => {});
    await send();
  };
  event.waitUntil(work());
});
addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (request.method === "POST" && pathname === PUNCHES) return event.respondWith(punched(request));
  if (request.method !== "GET") return;
  if (request.mode === "navigate") return event.respondWith(page(request));
  if (pathname.startsWith("/assets/")) event.respondWith(file(request));
});
