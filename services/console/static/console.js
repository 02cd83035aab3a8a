// What makes the pages of the console quicker. Each of them works without it.
"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const on = (name, act) => document.addEventListener(name, act);

  // What was done is said once, and not again when the page is loaded again.
  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    here.searchParams.delete("done");
    history.replaceState(history.state, "", here);
  }

  // A form that was refused begins where it says so.
  find("[data-focus]")?.focus();

  // A form is sent once, however often its button is pressed; coming back to the page it can be sent again.
  on("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]") || event.defaultPrevented) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));

  // A choice that needs no button.
  on("change", (event) => event.target.matches("[data-sends]") && event.target.form.requestSubmit());

  // Menus close when something else is done.
  const close = (kept) => document.querySelectorAll("details.menu[open]").forEach((menu) => menu.contains(kept) || (menu.open = false));
  on("click", (event) => close(event.target));
  on("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.activeElement?.closest("details.menu[open]");
    close(null);
    find("summary", menu ?? undefined)?.focus();
  });

  // After a swap the focus is where it was, or at the heading or the first fault of what is new: never at the beginning of the page.
  on("htmx:after:swap", (event) => {
    if (document.activeElement && document.activeElement !== document.body) return;
    const target = event.detail?.ctx?.target ?? event.target;
    const next = find("[data-focus], h1, h2, [tabindex]", target) ?? target;
    next.focus?.({ preventScroll: true });
  });

  // Whoever is no longer signed in is asked in a dialog, and what they did is done again.
  const dialog = find("#dialog");
  let again = null;
  on("htmx:before:swap", (event) => {
    const ctx = event.detail?.ctx;
    if (!ctx?.response?.headers?.get("x-tally-sign-in")) return;
    event.preventDefault();
    const source = ctx.sourceElement;
    again = () => (source.matches("form") ? source.requestSubmit() : source.click());
    htmx.ajax("GET", "/sign-in", { target: "#dialog", swap: "innerHTML", select: "#entry" }).then(() => {
      dialog.showModal();
      find("input:not([type=hidden])", dialog)?.focus();
    });
  });
  dialog?.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[action='/sign-in']")) return;
    event.preventDefault();
    const headers = { "HX-Request": "true" };
    const answer = await fetch(form.action, { method: "POST", headers, body: new URLSearchParams(new FormData(form)) });
    if (answer.status === 204) {
      dialog.close();
      again?.();
      again = null;
    } else {
      const page = new DOMParser().parseFromString(policy.createHTML(await answer.text()), "text/html");
      find("#entry", dialog).replaceWith(document.adoptNode(find("#entry", page)));
      find("[data-focus]", dialog)?.focus();
    }
  });
  // Only pages of this console are parsed with it, and only its own worker is started.
  const rules = { createHTML: (text) => text, createScriptURL: () => "/sw.js" };
  const policy = globalThis.trustedTypes?.createPolicy("tally", rules) ?? rules;

  // What an invitation says behind its # fills the form in, and goes from the address.
  const join = find("[data-join] form");
  if (join && location.hash) {
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      const field = join.elements[name];
      if (field && !field.value) field.value = value;
    }
    history.replaceState(null, "", location.pathname);
    join.elements.new_password?.focus();
  }

  // What is shown once is copied with a button.
  on("click", (event) => {
    const button = event.target.closest("[data-copies]");
    if (button) navigator.clipboard.writeText(find(`#${button.dataset.copies}`).textContent).then(() => (button.dataset.copied = "yes"));
  });

  // Where punches are made, they work without a network too.
  if (find("[data-queue]")) navigator.serviceWorker?.register(policy.createScriptURL("/sw.js")).catch(() => {});
})();
