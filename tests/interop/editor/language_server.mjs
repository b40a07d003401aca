// Drives yaml-language-server over stdio as an editor does. Reads one JSON object from standard input:
//   {"root": FOLDER, "files": [{"path", "text"}], "hover": [{"path", "line", "character"}],
//    "completion": [{"path", "line", "character"}]}
// and prints {"diagnostics": {path: [{line, message, severity}]}, "hover": [text], "completion": [[label]]}.
// Lines are counted from zero, as the protocol does.
import {spawn} from 'node:child_process';
import {pathToFileURL} from 'node:url';
import {resolve} from 'node:path';
import {text} from 'node:stream/consumers';

const SETTINGS = {
  yaml: {
    validate: true, hover: true, completion: true, schemas: {}, schemaStore: {enable: false},
    format: {enable: false}, disableDefaultProperties: false,
  },
  http: {proxy: '', proxyStrictSSL: true},
};

class Server {
  constructor() {
    const program = resolve('node_modules/yaml-language-server/bin/yaml-language-server');
    this.process = spawn(process.execPath, [program, '--stdio'], {stdio: ['pipe', 'pipe', 'inherit']});
    this.waiting = new Map();
    this.diagnostics = new Map();
    this.listeners = new Map();
    this.next = 1;
    this.buffer = Buffer.alloc(0);
    this.process.stdout.on('data', (chunk) => this.take(chunk));
  }

  take(chunk) {
    this.buffer = Buffer.concat([this.buffer, chunk]);
    for (;;) {
      const end = this.buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.buffer.subarray(0, end).toString())[1]);
      if (this.buffer.length < end + 4 + length) return;
      const message = JSON.parse(this.buffer.subarray(end + 4, end + 4 + length).toString());
      this.buffer = this.buffer.subarray(end + 4 + length);
      this.handle(message);
    }
  }

  handle(message) {
    if (message.method === 'textDocument/publishDiagnostics') {
      this.diagnostics.set(message.params.uri, message.params.diagnostics);
      this.listeners.get(message.params.uri)?.();
    } else if (message.method === 'workspace/configuration') {
      this.write({id: message.id, result: message.params.items.map((item) => SETTINGS[item.section] ?? {})});
    } else if (message.id !== undefined && message.method !== undefined) {
      this.write({id: message.id, result: null});
    } else if (message.id !== undefined) {
      this.waiting.get(message.id)?.(message);
      this.waiting.delete(message.id);
    }
  }

  write(message) {
    const body = Buffer.from(JSON.stringify({jsonrpc: '2.0', ...message}));
    this.process.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.process.stdin.write(body);
  }

  notify(method, params) {
    this.write({method, params});
  }

  request(method, params) {
    const id = this.next++;
    return new Promise((done, failed) => {
      this.waiting.set(id, (message) =>
        message.error ? failed(new Error(`${method}: ${message.error.message}`)) : done(message.result));
      this.write({id, method, params});
    });
  }

  // Opens a document and waits for what the server says about it.
  open(uri, content) {
    const said = new Promise((done) => this.listeners.set(uri, done));
    this.notify('textDocument/didOpen',
      {textDocument: {uri, languageId: 'yaml', version: 1, text: content}});
    return said;
  }
}

const job = JSON.parse(await text(process.stdin));
const server = new Server();
const rootUri = pathToFileURL(job.root).href;
const uriOf = (path) => pathToFileURL(resolve(job.root, path)).href;
await server.request('initialize', {
  processId: process.pid, rootUri, workspaceFolders: [{uri: rootUri, name: 'agreements'}],
  capabilities: {
    workspace: {configuration: true, workspaceFolders: true},
    textDocument: {
      publishDiagnostics: {}, hover: {contentFormat: ['markdown']},
      completion: {completionItem: {snippetSupport: true, documentationFormat: ['markdown']}},
    },
  },
});
server.notify('initialized', {});
server.notify('workspace/didChangeConfiguration', {settings: SETTINGS});

const out = {diagnostics: {}, hover: [], completion: []};
for (const {path, text: content} of job.files) {
  const uri = uriOf(path);
  await server.open(uri, content);
  out.diagnostics[path] = server.diagnostics.get(uri).map(
    (one) => ({line: one.range.start.line, message: one.message, severity: one.severity}));
}
for (const {path, line, character} of job.hover ?? []) {
  const found = await server.request('textDocument/hover',
    {textDocument: {uri: uriOf(path)}, position: {line, character}});
  out.hover.push(found === null ? '' : found.contents.value ?? String(found.contents));
}
for (const {path, line, character} of job.completion ?? []) {
  const found = await server.request('textDocument/completion',
    {textDocument: {uri: uriOf(path)}, position: {line, character}});
  out.completion.push((found?.items ?? []).map((item) => item.label));
}
process.stdout.write(JSON.stringify(out));
await server.request('shutdown', null);
server.notify('exit');
