// What pages do beyond being read; each of them is whole without it. Instants are never computed here: pages are fetched.
const [body, toggle] = [document.body, document.getElementById("live-toggle")];
const PAUSED = "peachpie-paused";
const SIGNED_OUT = "You are signed out. Sign in in another tab and go on here: what you typed is still there.";
// Told of changes we still look now and then: "3 min ago" grows old without any.
const [HURRIED_MS, POLLED_MS, TOLD_MS, ANSWERED_MS, TYPED_MS] = [1000, 5000, 20000, 10000, 300];

function made(name, look = "", text = "") {
  const node = Object.assign(document.createElement(name), { className: look, textContent: text });
  node.dataset.made = "";
  return node;
}

const said = body.appendChild(made("p", "hidden"));
const trouble = body.insertBefore(made("p", "hidden"), document.getElementById("main"));
for (const each of [said, trouble]) each.role = "status";

function tell(text) {
  if (trouble.textContent === text) return;
  trouble.textContent = text;
  trouble.className = text ? "banner bad" : "hidden";
  show();
}
const clock = () => document.querySelector("#server-clock time").textContent;
const tellSilence = () => tell(`No answer since ${clock()}. This page shows how it was then.`);

// --- A form that is being filled in stays as it is, with the version it was begun on: who sends it is told who came first. ---
const begun = new WeakSet();
const isBegun = (node) => begun.has(node) || (node.nodeName === "FORM" && node.querySelector(":is(input, select, textarea):focus"));
const isAnyBegun = () => [...document.forms].some(isBegun);
document.addEventListener("input", ({ target }) => target.form && begun.add(target.form));

// --- One tree becomes like another, keeping every node that may stay: focus, scrolling and typed text stay with it. ---
const isMade = (node) => node?.nodeType === Node.ELEMENT_NODE && "made" in node.dataset;
function isSame(old, fresh) {
  if (old.nodeName !== fresh.nodeName || (old.id ?? "") !== (fresh.id ?? "")) return false;
  if (old.nodeName === "FORM") return old.getAttribute("action") === fresh.getAttribute("action");
  // What was ticked or typed for one thing is never kept for another.
  return old.nodeName !== "INPUT" || (old.name === fresh.name && (old.type === "hidden" || old.defaultValue === fresh.defaultValue));
}

function become(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) return void (old.data === fresh.data || (old.data = fresh.data));
  if (isBegun(old)) return;
  // Which details are open is the reader's choice.
  const isTheirs = (name) => name === "open" && old.nodeName === "DETAILS";
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !isTheirs(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value && !isTheirs(name)) old.setAttribute(name, value);
  becomeWithin(old, fresh);
}

// Steps over a node; what nobody has made or begun here has no place any more.
function after(node) {
  const next = node.nextSibling;
  if (!isMade(node) && !isBegun(node)) node.remove();
  return next;
}

function becomeWithin(old, fresh) {
  const known = new Map([...old.children].filter((each) => each.id).map((each) => [each.id, each]));
  const staying = new Set([...fresh.children].map((each) => each.id).filter(Boolean));
  let here = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    while (here && (isMade(here) || (here.id && !staying.has(here.id)))) here = after(here);
    const again = next.id ? known.get(next.id) : here?.id ? null : here;
    const isKept = again && isSame(again, next);
    if (isKept && again === here) here = here.nextSibling;
    else old.insertBefore(isKept ? again : document.adoptNode(next), here);
    if (isKept) become(again, next);
  }
  while (here) here = after(here);
}

async function pageAt(address, { headers, ...options } = {}) {
  const answer = await fetch(address, { ...options, headers: { Accept: "text/html", ...headers } });
  return { answer, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
}

// --- Live parts: the page is fetched anew when it is told of a change, and now and then; only what is seen. ---
// What has changed since we looked: "tasks <id>", "executions <id>", "tasks *" for any of them; ALL for who knows what.
const [news, ALL] = [new Set(), "*"];
let [on, source] = [sessionStorage.getItem(PAUSED) === null, null];
let [leaving, pressing, busy, lookedAt] = [false, false, false, performance.now()];
const isTold = () => source?.readyState === EventSource.OPEN;
const liveParts = (page) => [...page.querySelectorAll("[data-live][id]")];

function concerns(part) {
  const kinds = ["tasks", "executions"].filter((kind) => kind in part.dataset);
  if (news.has(ALL) || kinds.length === 0) return true;
  return kinds.some((kind) => part.dataset[kind].split(" ").some((id) => news.has(`${kind} ${id}`)));
}

async function refresh() {
  const isConcerned = liveParts(document).some(concerns);
  news.clear();
  if (!isConcerned) return;
  lookedAt = performance.now();
  const signal = AbortSignal.timeout(ANSWERED_MS);
  const { answer, page } = await pageAt(location.href, { headers: { "X-Refresh": "live" }, signal });
  // The session has ended: on to the login, which leads back here.
  if (answer.redirected) return isAnyBegun() ? tell(SIGNED_OUT) : location.replace(answer.url);
  if (answer.status === 429 || answer.status >= 500) throw new Error(answer.statusText);
  tell("");
  if (!leaving && !pressing) swap(page);
}

function swap(page) {
  const [ids, fresh] = [document, page].map((each) => liveParts(each).map(({ id }) => id));
  // By now another kind of page lies at this address: what it shows was deleted, or is back.
  const parts = ids.join(" ") === fresh.join(" ") ? ids : ["main", "server-clock"];
  const focused = document.activeElement;
  for (const id of parts) become(document.getElementById(id), page.getElementById(id));
  document.title = page.title;
  if (!focused.isConnected) document.getElementById(focused.id)?.focus({ preventScroll: true });
  enhance();
}

async function look() {
  const age = performance.now() - lookedAt;
  const isDue = age >= (news.size > 0 ? HURRIED_MS : isTold() ? TOLD_MS : POLLED_MS);
  const isDisturbing = leaving || pressing || document.getSelection()?.type === "Range";
  if (!on || busy || !isDue || isDisturbing || document.hidden) return;
  if (news.size === 0) news.add(ALL);
  busy = true;
  await refresh().catch(tellSilence);
  busy = false;
}

function lookAtAll() {
  news.add(ALL);
  look();
}

function hear({ data }) {
  for (const [kind, ids] of Object.entries(JSON.parse(data))) for (const id of ids) news.add(`${kind} ${id}`).add(`${kind} *`);
  look();
}

function listen() {
  source?.close();
  source = on && !document.hidden ? new EventSource(body.dataset.events) : null;
  source?.addEventListener("changed", hear);
  source?.addEventListener("reload", lookAtAll);
  for (const turn of ["open", "error"]) source?.addEventListener(turn, show);
  show();
  lookAtAll();
}

function show() {
  toggle.firstChild.data = on ? "Pause" : "Resume";
  const [tone, pace] = isTold() ? ["good", "Changes appear at once"] : ["warn", "Changes appear every few seconds"];
  toggle.title = on ? trouble.textContent || pace : "This page stands still";
  for (const each of ["good", "warn"]) toggle.classList.toggle(each, on && !trouble.textContent && each === tone);
}

function startLive() {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    on = !on;
    sessionStorage[on ? "removeItem" : "setItem"](PAUSED, "");
    tell("");
    listen();
  });
  document.addEventListener("visibilitychange", listen);
  // A click must end on the element it began on.
  for (const turn of ["pointerdown", "pointerup", "pointercancel"]) addEventListener(turn, () => { pressing = turn === "pointerdown"; });
  for (const turn of ["submit", "pageshow"]) addEventListener(turn, (event) => { leaving = turn === "submit" && !event.defaultPrevented; });
  setInterval(look, HURRIED_MS);
  listen();
  // The page is new.
  news.clear();
}

// --- Preview: what a form would do, while it is filled in. ---
const typed = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));
function previewing(part) {
  const form = part.closest("form");
  let [timer, latest] = [0, 0];
  const ask = async () => {
    const turn = ++latest;
    const { answer, page } = await pageAt(part.dataset.preview, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.redirected) tell(SIGNED_OUT);
    else if (answer.ok && turn === latest) for (const fresh of page.querySelectorAll("body > [id]")) becomeWithin(document.getElementById(fresh.id), fresh);
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask().catch(() => {}), TYPED_MS);
  });
}

// --- Dialogs: a page that asks before it acts, opened above the one that leads to it. ---
async function openDialog(link) {
  const { answer, page } = await pageAt(link.href);
  const part = page.querySelector("[data-dialog-part], main > .panel");
  if (!answer.ok || answer.redirected || !part) return location.assign(link.href);
  const dialog = body.appendChild(made("dialog"));
  dialog.append(part);
  dialog.ariaLabel = part.querySelector("h1, h2")?.textContent ?? link.textContent;
  dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
  dialog.addEventListener("click", (event) => {
    // The way back leads here: it only closes.
    if (event.target !== dialog && event.target.closest("a[href]")?.pathname !== location.pathname) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.showModal();
}

// --- How pages look: chosen while something is typed, it takes effect in place. ---
async function chooseLook(form, submitter) {
  const { answer, page } = await pageAt(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, submitter)) });
  if (!answer.ok) return form.replaceWith(page.querySelector("main form[data-look]"));
  document.documentElement.className = page.documentElement.className;
  for (const each of ["meta[name=color-scheme]", "footer"]) become(document.querySelector(each), page.querySelector(each));
  // On the answer to a form stands what was typed and what no other page has.
  if (body.dataset.events) swap(page);
  offerZone();
  form.closest("dialog")?.close();
  document.querySelectorAll("form [data-preview]").forEach(typed);
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-look]") || (body.dataset.events && !isAnyBegun())) return;
  event.preventDefault();
  chooseLook(event.target, event.submitter).catch(tellSilence);
});

// --- Choosing many: all at once, or a stretch with the shift key. ---
let chosenLast = null;
const boxes = () => [...document.querySelectorAll("[data-bulk]")];
function choose({ target, shiftKey }) {
  const isAll = target.matches("[data-bulk-all]");
  if (!isAll && !target.matches("[data-bulk]")) return;
  const [from, to] = [chosenLast, target].map((each) => boxes().indexOf(each)).sort((one, other) => one - other);
  const others = isAll ? boxes() : shiftKey && from >= 0 ? boxes().slice(from, to + 1) : [];
  for (const each of others) each.checked = target.checked;
  chosenLast = target;
  count();
}

function count() {
  const [all, chosen] = [boxes().length, boxes().filter((each) => each.checked).length];
  const state = { hidden: false, checked: chosen > 0 && chosen === all, indeterminate: chosen > 0 && chosen < all };
  for (const head of document.querySelectorAll("[data-bulk-all]")) Object.assign(head, state);
  for (const output of document.querySelectorAll("[data-bulk-count]")) output.value = `${chosen} chosen`;
}

// --- Copying: what a block of code says. ---
async function copy(text) {
  // Browsers offer the clipboard on https and on this machine only; elsewhere the old way still goes.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const [field, before] = [made("textarea", "hidden", text), document.activeElement];
  before.after(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  before.focus();
  if (!isDone) throw new Error("the browser does not let us copy");
}

function copying(block) {
  const button = Object.assign(made("button", "small quiet", "Copy"), { type: "button" });
  button.addEventListener("click", async () => {
    const text = (block.querySelector("code") ?? block).textContent;
    button.textContent = said.textContent = await copy(text).then(() => "Copied", () => "Not copied: select the text instead");
  });
  block.prepend(button);
}

// --- What is done once for every page, and again for what came new. ---
function enhance() {
  for (const block of document.querySelectorAll("pre[data-copy]")) if (!isMade(block.firstChild)) copying(block);
  count();
}

function offerZone() {
  const key = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const button = document.getElementById("browser-zone");
  const offered = [...document.querySelectorAll("button[name=zone]")].map((each) => each.value);
  if (key && button && !offered.includes(key)) Object.assign(button, { value: key, textContent: key, hidden: false });
  const fields = [...document.querySelectorAll("input[data-suggest-zone]")].filter((each) => key && each.value === each.defaultValue);
  for (const field of fields) typed(Object.assign(field, { value: key }));
}

document.addEventListener("click", (event) => {
  choose(event);
  const link = event.target.closest?.("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openDialog(link).catch(() => location.assign(link.href));
});
const here = new URL(location.href);
here.searchParams.delete("notice");
// A notice is told once, not after each reload.
if (location.search.includes("notice=")) history.replaceState(null, "", here);
for (const part of document.querySelectorAll("form [data-preview][id]")) previewing(part);
enhance();
offerZone();
if (body.dataset.events) startLive();
