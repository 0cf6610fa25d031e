// Requests to the server, and answers on their way to it. An answer is kept in the browser from the
// key until the server has it on its disk, so that neither of them can lose it.

const WAIT_MS = 8000, AGAIN_MS = 1500;
const REFUSALS = [400, 409, 413, 415];   // sent again it would be refused again

export async function ask(path, options = {}) {
  const answer = await fetch(path, {
    cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(WAIT_MS), ...options,
  });
  if (answer.status === 401) {
    location.assign("/login");
    throw new Error("log in first");
  }
  return answer;
}

export async function asJson(path) {
  const answer = await ask(path);
  if (answer.status === 404) return null;
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(value.error ?? `the server answers ${answer.status}`), { status: answer.status });
  return value;
}

export async function asAddress(path) {
  const answer = await ask(path);
  return answer.ok ? URL.createObjectURL(await answer.blob()) : "";
}

// What is not saved yet, oldest first; other tabs of this browser see the same.
export class Outbox {
  constructor(run, { saved, refused, silent }) {
    this.key = `conftrack-answers-${run}`;
    this.tell = { saved, refused, silent };
    this.busy = false;
    this.memory = [];
  }

  get waiting() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "[]");
    } catch {
      return this.memory;
    }
  }

  set waiting(list) {
    this.memory = list;
    try {
      localStorage.setItem(this.key, JSON.stringify(list));
    } catch { /* no storage here: it is kept as long as the page is */ }
  }

  add(entry) {
    this.waiting = [...this.waiting, { ...entry, id: crypto.getRandomValues(new Uint32Array(2)).join("-") }];
    this.send();
  }

  drop(id) {
    this.waiting = this.waiting.filter((entry) => entry.id !== id);
  }

  // A reviewer has given so many answers by now: what waits comes behind them, in its order.
  behind(reviewer, lines) {
    this.waiting = this.waiting.map((entry) => (entry.reviewer === reviewer ? { ...entry, after: lines++ } : entry));
  }

  async send() {
    if (this.busy) return;
    this.busy = true;
    for (let entry; (entry = this.waiting[0]); ) {
      const { id, ...body } = entry;
      try {
        const answer = await ask("/api/answers", {
          // A tab that is closed now still sends it.
          method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
        });
        const value = await answer.json().catch(() => ({}));
        if (answer.ok) {
          this.drop(id);
          this.tell.saved(entry, value);
        } else if (!REFUSALS.includes(answer.status)) {   // also of another program at this address
          throw new Error(value.error ?? `the server answers ${answer.status}`);
        } else {
          const lines = await this.tell.refused(entry, answer.status, value.error ?? "");
          if (lines === null) this.drop(id);
          else this.behind(entry.reviewer, lines);
        }
      } catch (error) {
        this.tell.silent(error.message, this.waiting.length);
        await new Promise((done) => setTimeout(done, AGAIN_MS));
      }
    }
    this.busy = false;
  }
}
