// Punches that wait for a network, on the pages that show them. The worker (sw.js) keeps and sends them; without it this part stays hidden.
"use strict";
(() => {
  const box = document.querySelector("[data-queue]");
  const worker = navigator.serviceWorker;
  if (!box || !worker) return;
  const list = box.querySelector("ol");
  const icons = { waiting: "warn", recorded: "good", refused: "bad" };

  const shown = ({ queue }) => {
    if (!queue) return;
    box.hidden = queue.length === 0;
    list.replaceChildren(
      ...queue.map(({ kind, at, state, said }) => {
        const item = document.createElement("li");
        const time = document.createElement("time");
        const line = document.createElement("p");
        item.className = icons[state] ?? "";
        item.dataset.state = state;
        time.dateTime = at;
        // The device's own clock in the device's own zone: that is what it is evidence of.
        const clock = new Date(at).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
        const minutes = -new Date(at).getTimezoneOffset();
        const zone = `UTC${minutes < 0 ? "−" : "+"}${Math.floor(Math.abs(minutes) / 60)}${minutes % 60 ? `:${Math.abs(minutes) % 60}` : ""}`;
        time.textContent = `${clock} ${zone}`;
        line.textContent = [box.dataset[kind], said || box.dataset[state]].join(" · ");
        item.append(time, line);
        return item;
      }),
    );
  };
  worker.addEventListener("message", (event) => shown(event.data));
  const ask = async () => (await worker.ready).active?.postMessage({ whose: box.dataset.queue });
  addEventListener("online", ask);
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  ask();
})();
