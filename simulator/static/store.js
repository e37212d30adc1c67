// What the page knows: one copy of the server's state, kept fresh by its events. Views listen to topics.

export const state = {
  bot: { name: "", username: "", id: 0 },
  persons: [],
  chats: new Map(),
  calls: [],
  faults: { outage: false, laid: [] },
  violations: {},
  operator: false,
  strict: false,
  description: "",
  clock: { base: Date.now(), mark: performance.now(), running: true },
  unread: new Map(),
  typing: new Map(),
  connected: false,
  ready: false,
};

const listeners = new Set();
let waiting = null;

export function listen(listener) {
  listeners.add(listener);
}

// Changes of one frame are told together: topics are "all", "persons", "chat:<id>", "calls", "faults", "clock".
export function changed(...topics) {
  if (waiting) {
    for (const topic of topics) waiting.add(topic);
    return;
  }
  waiting = new Set(topics);
  const flush = () => {
    const told = waiting;
    waiting = null;
    for (const listener of listeners) listener(told);
  };
  // A page in the background gets no frames, but its counters should still be right.
  if (document.hidden) setTimeout(flush, 50);
  else requestAnimationFrame(flush);
}

export function now() {
  const { base, mark, running } = state.clock;
  return base + (running ? performance.now() - mark : 0);
}

function setClock(facts) {
  state.clock = { base: Date.parse(facts.now), mark: performance.now(), running: facts.running };
}

export async function call(path, body = {}) {
  const answer = await fetch(`/sim/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const facts = await answer.json().catch(() => ({ error: answer.statusText }));
  if (!answer.ok && facts.error) throw new Error(facts.error);
  return facts;
}

export async function upload(path, files, fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null) form.append(name, value);
  for (const file of files) form.append("file", file, file.name);
  const answer = await fetch(`/sim/${path}`, { method: "POST", body: form });
  const facts = await answer.json().catch(() => ({ error: answer.statusText }));
  if (!answer.ok) throw new Error(facts.error);
  return facts;
}

export const person = (key) => state.persons.find((one) => one.key === key);
export const index = (key) => state.persons.findIndex((one) => one.key === key);

export function chatName(id) {
  const chat = state.chats.get(id);
  if (!chat) return id ? String(id) : "";
  if (chat.type !== "private") return chat.title;
  return state.persons.find((one) => one.id === id)?.name ?? String(id);
}

// Which people see a chat.
export const viewers = (id) => state.persons.filter((one) => one.chats.includes(id));

const visible = { isSeen: () => false };
export function whoIsSeen(isSeen) {
  visible.isSeen = isSeen;
}

export function seen(key) {
  if (state.unread.delete(key)) changed("persons");
}

function keepChat(chat) {
  const messages = new Map(chat.messages.map((message) => [message.message_id, message]));
  state.chats.set(chat.id, { ...chat, messages });
}

let loading = null;
export function load() {
  loading ??= (async () => {
    try {
      const facts = await (await fetch("/sim/state")).json();
      Object.assign(state, {
        bot: facts.bot, persons: facts.persons, calls: facts.calls, faults: facts.faults,
        violations: facts.violations, operator: facts.operator, strict: facts.strict, description: facts.description,
      });
      state.chats = new Map();
      facts.chats.forEach(keepChat);
      setClock(facts.clock);
      state.ready = true;
      changed("all");
    } finally {
      loading = null;
    }
  })();
  return loading;
}

const on = {
  message({ chat, message }) {
    const known = state.chats.get(chat);
    if (!known) { load(); return; }
    known.messages.set(message.message_id, message);
    if (message.from_bot) state.typing.delete(chat);
    if (!message.service) {
      for (const one of viewers(chat)) {
        if (one.key !== message.sender && !visible.isSeen(one.key, chat)) {
          state.unread.set(one.key, (state.unread.get(one.key) ?? 0) + 1);
        }
        if (one.key === message.sender && known.type === "private") one.started = true;
      }
    }
    changed(`chat:${chat}`, "persons");
  },
  edit({ chat, message }) {
    const known = state.chats.get(chat)?.messages;
    const before = known?.get(message.message_id);
    if (!before) return;
    known.set(message.message_id, { ...message, read: before.read || message.read });
    changed(`chat:${chat}`);
  },
  delete({ chat, message }) {
    state.chats.get(chat)?.messages.delete(message.message_id);
    changed(`chat:${chat}`, "persons");
  },
  read({ chat, message_id }) {
    const message = state.chats.get(chat)?.messages.get(message_id);
    if (!message || message.read) return;
    state.chats.get(chat).messages.set(message_id, { ...message, read: true, seq: message.seq + 0.5 });
    changed(`chat:${chat}`);
  },
  keyboard({ chat, keyboard, prompt }) {
    const known = state.chats.get(chat);
    if (known) Object.assign(known, { keyboard, prompt, keysHidden: false });
    changed(`chat:${chat}`);
  },
  typing({ chat, thread }) {
    state.typing.set(chat, { until: performance.now() + 5000, thread });
    setTimeout(() => changed(`chat:${chat}`), 5050);
    changed(`chat:${chat}`);
  },
  pin({ chat, pinned }) {
    const known = state.chats.get(chat);
    if (known) known.pinned = pinned;
    changed(`chat:${chat}`);
  },
  call(facts) {
    state.calls.push(facts);
    if (state.calls.length > 300) state.calls.splice(0, 100);
    changed("calls");
  },
  faults(facts) {
    state.faults = { outage: facts.outage, laid: facts.laid };
    changed("faults");
  },
  fault(facts) {
    const gone = facts.count !== null && facts.hits >= facts.count;
    state.faults.laid = state.faults.laid
      .map((one) => (one.id === facts.id ? { ...one, hits: facts.hits } : one))
      .filter((one) => !(gone && one.id === facts.id));
    changed("faults");
  },
  violations(facts) {
    const { kind: _, ...counts } = facts;
    state.violations = counts;
    changed("faults");
  },
  clock(facts) {
    setClock(facts);
    changed("clock");
  },
  person(facts) {
    const known = person(facts.key);
    if (!known) { load(); return; }
    Object.assign(known, facts);
    changed("persons", `chat:${known.id}`);
  },
};

let refreshing = null;
function refreshPeople() {
  refreshing ??= setTimeout(async () => {
    refreshing = null;
    state.persons = await (await fetch("/sim/persons")).json();
    changed("persons", "commands");
  }, 60);
}

// Events that come while the first state is being fetched may be older than it; those after it are applied.
export function connect(tell) {
  let lost = false;
  const source = new EventSource("/sim/events");
  source.onopen = async () => {
    state.connected = true;
    await load();
    if (lost) tell("back");
    lost = false;
  };
  source.onmessage = (event) => {
    const facts = JSON.parse(event.data);
    if (facts.kind === "reset" || facts.kind === "chat") { load(); return; }
    if (facts.kind === "commands") { refreshPeople(); return; }
    if (!state.ready) return;
    on[facts.kind]?.(facts);
  };
  source.onerror = () => {
    if (!lost) tell("lost");
    lost = true;
    state.connected = false;
    changed("faults");
  };
}
