// Keeps a page fresh: every few seconds, while it is seen, its live parts are fetched anew and swapped in.
const EVERY_MS = 5000;
const toggle = document.getElementById("live-toggle");
let on = true;
let leaving = false;
let pressing = false;

// Kept across a swap: which details are open, where the focus is, how far a region was scrolled.
function swap(part, fresh) {
  const open = new Map([...part.querySelectorAll("details[id]")].map((each) => [each.id, each.open]));
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const place = focused && [...part.querySelectorAll("a, button, summary, [tabindex]")].indexOf(focused);
  for (const each of fresh.querySelectorAll("details[id]")) each.open = open.get(each.id) ?? each.open;
  part.replaceChildren(...fresh.childNodes);
  if (!focused) return;
  const again = focused.id && document.getElementById(focused.id);
  const targets = part.querySelectorAll("a, button, summary, [tabindex]");
  (again || targets[Math.min(place, targets.length - 1)])?.focus({ preventScroll: true });
}

// Tokens of forms differ in every answer and are no news.
const content = (part) => part.innerHTML.replace(/(name="token" value=")[^"]*/g, "$1").replace(/ open=""/g, "");

async function refresh() {
  if (!on || leaving || pressing || document.hidden || document.getSelection()?.type === "Range") return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Refresh": "live" } });
  // The session has ended: on to the login, which leads back here.
  if (answer.redirected) return location.replace(answer.url);
  if (!answer.ok || leaving || pressing) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && content(fresh) !== content(part)) swap(part, fresh);
  }
}

async function keep() {
  // A server that is away for a while is asked again; the clock in the footer shows that it stood still.
  await refresh().catch(() => {});
  setTimeout(keep, EVERY_MS);
}

// A click must end on the element it began on.
addEventListener("pointerdown", () => { pressing = true; });
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { pressing = false; });
addEventListener("submit", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });
toggle.hidden = false;
toggle.addEventListener("click", () => {
  on = !on;
  toggle.textContent = `Live updates: ${on ? "on" : "off"}`;
});
setTimeout(keep, EVERY_MS);
