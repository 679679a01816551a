// Keeps the page about the order replicas up to date: it requests the page again and takes over the part that is live.

const EVERY_MS = 2000;

const live = document.getElementById("replicas");
const contact = document.getElementById("contact");
const change = document.getElementById("change");

async function update() {
  try {
    const response = await fetch(location.pathname, { headers: { accept: "text/html" }, cache: "no-store" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const newest = page.getElementById("replicas");
    if (!newest) throw new Error("the answer is another page");
    contact.hidden = true;
    show(newest);
  } catch {
    contact.hidden = false;
  }
}

function show(newest) {
  // A screen reader hears when a replica stops or another one leads, and not each trade.
  const state = (part) => part.querySelector("[data-state]")?.textContent ?? "";
  if (state(newest) !== state(live)) change.textContent = state(newest);
  if (newest.innerHTML !== live.innerHTML) live.replaceChildren(...newest.childNodes);
}

async function follow() {
  if (!document.hidden) await update();
  setTimeout(follow, EVERY_MS);
}

document.addEventListener("visibilitychange", () => document.hidden || update());
setTimeout(follow, EVERY_MS);
