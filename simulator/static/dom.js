// Small things for building the page: elements, icons, pop-ups.

const ICONS = {
  attach: "M20 11.5 12 19.500a5 5 0 0 1-7-7l8-8a3.300 3.300 0 0 1 4.700 4.700l-8 8a1.700 1.700 0 0 1-2.400-2.400L14.500 7.600",
  send: "M4 12 20 4l-5 16-3.500-6.500z M11.500 13.500 20 4",
  slash: "M14.500 6 9.500 18 M5 3.500h14a1.500 1.500 0 0 1 1.500 1.500v14a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 19V5A1.500 1.500 0 0 1 5 3.500z",
  keys: "M4 6h16a1.500 1.500 0 0 1 1.500 1.500v9A1.500 1.500 0 0 1 20 18H4a1.500 1.500 0 0 1-1.500-1.500v-9A1.500 1.500 0 0 1 4 6z M6.500 10h.01 M10 10h.01 M14 10h.01 M17.500 10h.01 M8 14.500h8",
  more: "M12 6h.01 M12 12h.01 M12 18h.01",
  photo: "M5 5h14a1.500 1.500 0 0 1 1.500 1.500v11A1.500 1.500 0 0 1 19 19H5a1.500 1.500 0 0 1-1.500-1.500v-11A1.500 1.500 0 0 1 5 5z M4 16l4.500-4.500 4 4 2.500-2.500 5 4.500 M15.500 9h.01",
  file: "M13.500 3.500H7A1.500 1.500 0 0 0 5.500 5v14A1.500 1.500 0 0 0 7 20.500h10a1.500 1.500 0 0 0 1.500-1.500V8.500z M13.500 3.500v5h5 M9 13h6 M9 16.500h4",
  me: "M12 12a3.700 3.700 0 1 0 0-7.400 3.700 3.700 0 0 0 0 7.400z M5 19.500c.8-3.200 3.600-5 7-5s6.200 1.800 7 5",
  others: "M9 11.500a3.200 3.200 0 1 0 0-6.400 3.200 3.200 0 0 0 0 6.400z M3 19c.6-3 3-4.700 6-4.700s5.400 1.700 6 4.700 M16 5.600a3.200 3.200 0 0 1 0 5.600 M17.500 14.600c2 .6 3.200 2.100 3.600 4.400",
  voice: "M12 14.500A2.800 2.800 0 0 0 14.800 11.700V6.300a2.800 2.800 0 0 0-5.600 0v5.400A2.800 2.800 0 0 0 12 14.500z M6 11.500a6 6 0 0 0 12 0 M12 17.500v3",
  sticker: "M12 20.500a8.500 8.500 0 1 1 8.500-8.500c0 1-4 8.500-8.500 8.500z M9 10h.01 M15 10h.01 M8.500 13.500c1.700 2.400 5.300 2.400 7 0",
  place: "M12 20.500s6.500-5.600 6.500-10.500a6.500 6.500 0 0 0-13 0c0 4.900 6.500 10.500 6.500 10.500z M12 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z",
  reply: "M10 6 4.500 11.500 10 17 M5 11.500h8.500a6 6 0 0 1 6 6v.5",
  copy: "M9 8.500h9A1.500 1.500 0 0 1 19.500 10v9a1.500 1.500 0 0 1-1.500 1.500H9A1.500 1.500 0 0 1 7.500 19v-9A1.500 1.500 0 0 1 9 8.500z M4.500 15.500V5A1.500 1.500 0 0 1 6 3.500h9.500",
  edit: "M4.500 19.500 5.500 15 16 4.500a1.800 1.800 0 0 1 2.600 0l.9.9a1.800 1.800 0 0 1 0 2.600L9 18.500z",
  trash: "M5 7h14 M10 7V4.500h4V7 M7 7l.8 12.500h8.400L17 7 M10.200 10.500v5.500 M13.800 10.500v5.500",
  block: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17z M6 6l12 12",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8z M12 2.500v2 M12 19.500v2 M2.500 12h2 M19.500 12h2 M5.300 5.300l1.400 1.400 M17.300 17.300l1.400 1.400 M5.300 18.700l1.400-1.400 M17.300 6.700l1.400-1.400",
  moon: "M20 14.500A8.300 8.300 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z",
  clock: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17z M12 7v5l3.500 2",
  next: "M5 6l7 6-7 6z M13 6l7 6-7 6z",
  restart: "M19.500 8.500A8 8 0 1 0 20 13 M20 4v5h-5",
  cut: "M3 3l18 18 M8.500 15.500a5 5 0 0 1 6.200-.6 M5.500 12a9 9 0 0 1 4.500-2.400 M14 9.600a9 9 0 0 1 4.500 2.400 M12 19h.01 M2.500 8.800a13.500 13.500 0 0 1 4.300-2.600 M11 5.300a13.500 13.500 0 0 1 10.500 3.500",
  slow: "M6 3.500h12 M6 20.500h12 M7.500 3.500c0 5 9 5.500 9 8.500s-9 3.500-9 8.500 M16.500 3.500c0 5-9 5.500-9 8.500s9 3.500 9 8.500",
  list: "M8.500 6.500h11 M8.500 12h11 M8.500 17.500h11 M4.500 6.500h.01 M4.500 12h.01 M4.500 17.500h.01",
  close: "M6 6l12 12 M18 6 6 18",
  tick: "M5 12.500l4.500 4.500L19 7",
  ticks: "M2 12.500l4.500 4.500L15 7.500 M11.500 16l1 1L22 7",
  down: "M6 9.500l6 6 6-6",
  pass: "M14 5l6 6-6 6 M20 11h-9a7 7 0 0 0-7 7v1",
  get: "M12 4v11 M7 10.500l5 5 5-5 M5 20h14",
  pin: "M9 4.500h6 M10 4.500 9.500 11 7 13.500h10L14.500 11 14 4.500 M12 13.500v6.500",
  play: "M8 5.500l10.500 6.500L8 18.500z",
  start: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17z M10.500 8.500v7l5-3.500z",
  sample: "M12 3.500l2 5.500 5.500 2-5.500 2-2 5.500-2-5.500-5.500-2 5.500-2z",
};

export function icon(name, size = 20) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// An element: el("button.key", {onclick, "aria-label": ...}, children...). Text is never read as HTML.
export function el(what, facts = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list" && !name.startsWith("aria")) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function button(label, iconName, onclick, className = "") {
  return el(`button.iconic${className}`, { type: "button", "aria-label": label, title: label, onclick }, icon(iconName));
}

// A pop-up list beside an element: [{label, icon, act, danger, hint} or {title} or {row: [{label, name, act}]}]. Escape and a click elsewhere close it.
let openMenu = null;

export function closeMenu(giveBack = false) {
  if (!openMenu) return;
  const { node, from, away } = openMenu;
  openMenu = null;
  document.removeEventListener("pointerdown", away, true);
  node.remove();
  from?.setAttribute?.("aria-expanded", "false");
  if (giveBack) from?.focus?.();
}

export function menu(anchor, entries, at = null) {
  const same = openMenu?.from === anchor && !at;
  closeMenu();
  if (same) return;
  const choice = (entry, name) =>
    el(name, { type: "button", role: "menuitem", "aria-label": entry.name, onclick: () => { closeMenu(); entry.act(); } }, entry.label);
  const items = entries.filter(Boolean).map((entry) =>
    entry.title
      ? el("div.menu-title", {}, entry.title)
      : entry.row
        ? el("div.menu-row", {}, entry.row.map((one) => choice(one, "button.menu-small")))
        : el(
          `button.menu-item${entry.danger ? ".danger" : ""}`,
          { type: "button", role: "menuitem", onclick: () => { closeMenu(); entry.act(); } },
          entry.icon ? icon(entry.icon, 18) : null,
          entry.face ?? null,
          el("span.menu-label", {}, entry.label),
          entry.hint ? el("span.menu-hint", {}, entry.hint) : null,
        ),
  );
  const node = el("div.menu", { role: "menu" }, items);
  document.body.append(node);
  place(node, anchor, at);
  node.addEventListener("keydown", (event) => {
    const choices = [...node.querySelectorAll("button")];
    const here = choices.indexOf(document.activeElement);
    if (event.key === "Escape" || event.key === "Tab") { event.preventDefault(); event.stopPropagation(); closeMenu(true); }
    else if (event.key === "ArrowDown") { event.preventDefault(); choices[(here + 1) % choices.length]?.focus(); }
    else if (event.key === "ArrowUp") { event.preventDefault(); choices[(here - 1 + choices.length) % choices.length]?.focus(); }
  });
  const away = (event) => { if (!node.contains(event.target) && !anchor.contains?.(event.target)) closeMenu(); };
  document.addEventListener("pointerdown", away, true);
  openMenu = { node, from: anchor, away };
  anchor.setAttribute?.("aria-expanded", "true");
  node.querySelector("button")?.focus();
}

function place(node, anchor, at) {
  const box = at ? { left: at.x, right: at.x, top: at.y, bottom: at.y } : anchor.getBoundingClientRect();
  const { width, height } = node.getBoundingClientRect();
  const phone = !at && anchor.closest?.(".screen")?.getBoundingClientRect();
  const edge = Math.min(innerWidth, phone && phone.width > width + 16 ? phone.right : innerWidth);
  const left = Math.max(8, Math.min(box.left, edge - width - 8));
  const below = box.bottom + 6 + height <= innerHeight - 8;
  node.style.left = `${left}px`;
  node.style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - height - 6)}px`;
}

// A dialog over the page; resolves when it is closed.
export function dialog(title, ...content) {
  const node = el("dialog.sheet", { "aria-label": title }, el("h2", {}, title), ...content);
  document.body.append(node);
  node.addEventListener("close", () => node.remove());
  node.addEventListener("click", (event) => { if (event.target === node) node.close(); });
  node.showModal();
  return node;
}

const COLOURS = ["#4f7cac", "#6b8f71", "#b0724a", "#8a6fae", "#a65d72", "#4b8f8c", "#8c7b3f", "#5f6f94"];

export function face(name, index, size = "") {
  const letters = [...(name || "?").trim()];
  const short = /^[\x00-\x7f]+$/.test(name) ? letters[0].toUpperCase() : letters[letters.length > 2 ? letters.length - 1 : 0];
  const node = el(`span.face${size}`, { "aria-hidden": "true" }, short);
  node.style.setProperty("--face", COLOURS[((index % COLOURS.length) + COLOURS.length) % COLOURS.length]);
  return node;
}
