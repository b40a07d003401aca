// Asks a running node one question about one person, written from docs/protocol*.md alone, with
// gRPC, P-256 and YAML from npm. Prints one JSON object; exits 0 when the answer is proved, 1 when
// it was refused or is not proved, 2 for a wrong command line.
import {createHash, createHmac, createPublicKey, randomBytes, timingSafeEqual, verify} from 'node:crypto';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import tls from 'node:tls';
import {parseArgs} from 'node:util';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import {p256_oprf} from '@noble/curves/nist.js';
import YAML from 'yaml';
import {field, normalize, tokenInputs, u16, u32} from './identity.mjs';

const HELP = `node ask.mjs --address HOST:PORT --agency NAME --certificate FILE --key FILE --anchors FILE
    --agreement FILE --question ID --purpose ID [--parameter NAME=VALUE]... < person.json

  --agency       who asks, as the certificate says
  --anchors      PEM of the authorities of the agency that answers
  --agreement    the agreement file, byte for byte as both sides hold it
  --shared-key   keyed-hash: file with the epoch's key, 64 hexadecimal digits
  --accepted     JSON file that remembers the keys of epochs; another key for one is refused
  --repeat       how often the same request is sent again (same id; the answer must be the same)
  --person       JSON file with the person; default: standard input
`;
const ZERO = Buffer.alloc(32);
const ANSWERS = ['', 'YES', 'NO', 'UNDETERMINED'];
const DOS = ['', 'accept', 'verify-independently', 'ask-the-person'];

class Refused extends Error {}
function insist(good, what) {
  if (!good) throw new Refused(what);
}

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const u8 = (number) => Buffer.from([number]);
const u64 = (number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(number));
  return bytes;
};
const i32 = (number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(number);
  return bytes;
};

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  raw(size) {
    insist(this.at + size <= this.bytes.length, 'bytes end early');
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }
  u8() { return this.raw(1)[0]; }
  u32() { return this.raw(4).readUInt32BE(); }
  u64() { return Number(this.raw(8).readBigUInt64BE()); }
  field() { return this.raw(this.u32()); }
  short() { return this.raw(this.u8()).toString('utf8'); }
  end() { insist(this.at === this.bytes.length, 'bytes are left over'); }
}

function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return bytes;
}

function readAgreement(path) {
  const bytes = readFileSync(path);
  const file = YAML.parse(bytes.toString('utf8'));
  return {
    id: file.agreement.id,
    digest: sha256(bytes),
    use: file.agreement.use,
    answers: file.parties.answers,
    match: file.people.match.map((match) => match.key),
    profile: file.people.spelling_rules,
    keyedHash: file.people.tokens.kind === 'keyed-hash',
    authority: file.people.tokens.key_authority,
    consent: file.authority.consent?.required === true,
    questions: new Map(file.questions.map((question) => [question.id, question])),
  };
}

// The agency is the one URI of that form in the certificate; the host's name does not matter.
function checkAgency(agency) {
  return (host, certificate) => {
    const named = (certificate.subjectaltname ?? '').split(', ')
      .filter((name) => name.startsWith('URI:spiffe://vouch/agency/'));
    if (named.length === 1 && named[0] === `URI:spiffe://vouch/agency/${agency}`) return undefined;
    return new Error(`the certificate is not one of ${agency}`);
  };
}

function connect(options, agreement) {
  const root = new URL('../../../proto', import.meta.url).pathname;
  const definition = protoLoader.loadSync(['vouch/v1/verification.proto', 'vouch/v1/blinding.proto'], {
    includeDirs: [root], keepCase: true, longs: Number, enums: Number, bytes: Buffer, defaults: true,
  });
  const {Verification, Blinding} = grpc.loadPackageDefinition(definition).vouch.v1;
  const context = tls.createSecureContext({
    minVersion: 'TLSv1.3', ca: readFileSync(options.anchors), key: readFileSync(options.key),
    cert: readFileSync(options.certificate),
  });
  const credentials = grpc.credentials.createFromSecureContext(context, {
    checkServerIdentity: checkAgency(agreement.answers),
  });
  const call = (client) => (method, request) => new Promise((resolve, reject) => {
    client[method](request, {deadline: Date.now() + 20000},
      (error, response) => (error ? reject(error) : resolve(response)));
  });
  const verification = new Verification(options.address, credentials);
  const blinding = new Blinding(options.address, credentials);
  return {
    verification: call(verification),
    blinding: call(blinding),
    close: () => [verification, blinding].forEach((client) => client.close()),
  };
}

// Reason and message of a refusal: google.rpc.Status with an ErrorInfo, read field by field.
function readRefusal(error) {
  const fields = (bytes) => {
    const found = [];
    let at = 0;
    const varint = () => {
      let value = 0;
      for (let shift = 1; ; shift *= 128) {
        const byte = bytes[at++];
        value += (byte & 127) * shift;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = varint();
      if ((tag & 7) === 0) {
        varint();
      } else if ((tag & 7) === 2) {
        const size = varint();
        found.push([tag >> 3, bytes.subarray(at, at += size)]);
      } else {
        break;
      }
    }
    return found;
  };
  const [details] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (details) {
    for (const [number, any] of fields(details)) {
      const parts = new Map(number === 3 ? fields(any) : []);
      if (!parts.get(1)?.toString().endsWith('google.rpc.ErrorInfo')) continue;
      return new Map(fields(parts.get(2))).get(1).toString();
    }
  }
  return 'TRANSPORT';
}

// docs/protocol-statements.md, in its order.
function openStatement(announced, agreement, agency, acceptedFile) {
  const fingerprint = `sha256:${sha256(announced.authority).toString('hex')}`;
  insist(fingerprint === agreement.authority, 'the statement is of another key authority');
  const key = createPublicKey({key: announced.authority, format: 'der', type: 'spki'});
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  insist(verify(algorithm, announced.statement, key, announced.signature),
    'the signature of the statement is wrong');
  const reader = new Reader(announced.statement);
  insist(reader.field().toString() === 'vouch-epoch-statement/1', 'it is no epoch statement');
  const statement = {
    keyedHash: reader.u8() === 1, agreement: reader.field().toString(), epoch: reader.u32(),
    asker: reader.field().toString(), publicKey: reader.field(), notBefore: reader.u64(),
    notAfter: reader.u64(),
  };
  reader.end();
  insist(statement.agreement === agreement.id, 'the statement is for another agreement');
  insist(statement.keyedHash === agreement.keyedHash, 'the statement is for another kind of token');
  insist(statement.asker === (agreement.keyedHash ? agency : ''), 'it is for another asker');
  const now = Date.now() / 1000;
  insist(statement.notBefore <= now && now < statement.notAfter, 'the epoch is not in force');
  if (acceptedFile) {
    const accepted = existsSync(acceptedFile) ? JSON.parse(readFileSync(acceptedFile, 'utf8')) : {};
    const name = `${agreement.id}/${statement.epoch}`;
    const digest = sha256(statement.publicKey).toString('hex');
    insist((accepted[name] ?? digest) === digest, 'another key was accepted for this epoch before');
    accepted[name] = digest;
    writeFileSync(acceptedFile, JSON.stringify(accepted));
  }
  return statement;
}

async function blindTokens(inputs, agreement, statement, blinding) {
  const {voprf} = p256_oprf;
  const items = inputs.map((input) => {
    // A key that cannot be formed sends a random element, which nobody can tell from the rest.
    const hashed = input ?? randomBytes(32);
    return {formed: input !== null, input: hashed, ...voprf.blind(hashed)};
  });
  const response = await blinding('Evaluate', {
    request_id: uuid7(), agreement_id: agreement.id, agreement_digest: agreement.digest,
    epoch: statement.epoch, elements: Buffer.concat(items.map((item) => item.blinded)),
  });
  insist(response.elements.length === 33 * items.length && response.proof.length === 64,
    'the evaluation has the wrong size');
  const outputs = voprf.finalizeBatch(items.map((item, i) => ({
    input: item.input, blind: item.blind, blinded: item.blinded,
    evaluated: response.elements.subarray(33 * i, 33 * (i + 1)),
  })), statement.publicKey, response.proof);
  return outputs.map((output, i) => (items[i].formed ? Buffer.from(output) : ZERO));
}

async function makeTokens(person, agreement, statement, options, blinding) {
  const today = new Date().toISOString().slice(0, 10);
  const normals = {};
  for (const [attribute, given] of Object.entries(person)) {
    normals[attribute] = [given].flat()
      .map((value) => normalize(attribute, value, agreement.use, today))
      .filter((value) => value !== null);
  }
  const context = {
    agreement: agreement.id, epoch: statement.epoch, profile: agreement.profile,
    scope: (agreement.use === 'test' ? (agreement.keyedHash ? 'test:' : 'test') : '') +
      (agreement.keyedHash ? options.agency : ''),
  };
  const inputs = agreement.match.map((parts, i) => tokenInputs(context, i, parts, normals)[0] ?? null);
  insist(inputs.some((input) => input !== null), 'no match key can be formed from this person');
  if (!agreement.keyedHash) return blindTokens(inputs, agreement, statement, blinding);
  const key = Buffer.from(readFileSync(options['shared-key'], 'utf8').trim(), 'hex');
  insist(sha256(key).equals(statement.publicKey), 'the shared key is not the one announced');
  return inputs.map((input) => (input ? createHmac('sha256', key).update(input).digest() : ZERO));
}

function canonicalParameters(parameters) {
  const sorted = [...parameters].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return Buffer.concat([u16(sorted.length), ...sorted.flatMap((one) => [field(one.name),
    ...('number' in one ? [u8(1), u64(one.number)] : [u8(2), field(one.code)])])]);
}

function canonicalRequest(request, agency) {
  const {question, subject} = request;
  return sha256(field('vouch-request/1'), request.request_id, u32(0), field(agency),
    field(question.agreement_id), field(question.agreement_digest), field(question.question),
    field(question.purpose), u32(question.epoch), field(canonicalParameters(request.parameters)),
    u32(subject.member_count), field(subject.tokens), field(subject.consents));
}

// docs/protocol.md, "Receipt": nothing of the answer is used before all of it holds.
function checkReceipt(request, answered, agreement, agency) {
  const reader = new Reader(answered.receipt.entry);
  insist(reader.u8() === 1 && reader.u8() === 1, 'the entry records no answer');
  const minute = reader.u32();
  insist(Math.abs(minute * 60 - Date.now() / 1000) < 3660, 'the entry is not of now');
  insist(reader.u8() === (agreement.use === 'live' ? 1 : 2), 'the entry is for another use');
  insist(reader.short() === agency, 'the entry names another requester');
  insist(reader.short() === agreement.id, 'the entry names another agreement');
  insist(reader.raw(8).equals(agreement.digest.subarray(0, 8)), 'the entry names another revision');
  insist(reader.short() === request.question.purpose, 'the entry names another purpose');
  insist(reader.short() === request.question.question, 'the entry names another question');
  reader.u32();
  insist(reader.u8() === 0 && reader.u8() === 0, 'the entry has unknown marks');
  reader.raw(32);
  const commitment = reader.raw(32);
  reader.end();
  insist(answered.receipt.opening.length === 32, 'the opening is not 32 bytes');
  const days = Date.parse(`${answered.data_as_of}T00:00:00Z`) / 86400000;
  insist(Number.isInteger(days), 'the day of the data is no day');
  const details = Buffer.concat([u8(answered.answer), u8(answered.why - 1), i32(days),
    canonicalRequest(request, agency), request.request_id, u32(0),
    field(canonicalParameters(request.parameters))]);
  const expected = createHmac('sha256', answered.receipt.opening).update('vouch-details/1')
    .update(details).digest();
  insist(timingSafeEqual(expected, commitment), 'the entry commits to another answer or request');
}

function parametersOf(given, question) {
  return given.map((text) => {
    const [name, ...rest] = text.split('=');
    const value = rest.join('=');
    const range = question.parameters?.[name]?.from !== undefined;
    return range ? {name, number: Number(value)} : {name, code: value};
  });
}

async function ask(options) {
  const agreement = readAgreement(options.agreement);
  const person = JSON.parse(readFileSync(options.person ?? 0, 'utf8'));
  const question = agreement.questions.get(options.question);
  insist(question !== undefined, 'the agreement lists no such question');
  const node = connect(options, agreement);
  try {
    const listed = (await node.verification('ListAgreements', {agreement_id: agreement.id})).agreements
      .find((one) => one.digest.equals(agreement.digest));
    insist(listed?.current?.statement?.length > 0, 'the responder lists no epoch of this very file');
    const statement = openStatement(listed.current, agreement, options.agency, options.accepted);
    const tokens = await makeTokens(person, agreement, statement, options, node.blinding);
    const request = {
      request_id: uuid7(),
      question: {
        agreement_id: agreement.id, agreement_digest: agreement.digest, question: options.question,
        purpose: options.purpose, epoch: statement.epoch,
      },
      parameters: parametersOf(options.parameter ?? [], question),
      subject: {
        tokens: Buffer.concat(tokens), member_count: 1,
        consents: agreement.consent ? randomBytes(32) : Buffer.alloc(0),
      },
    };
    const response = await node.verification('Verify', request);
    checkReceipt(request, response.answered, agreement, options.agency);
    for (let i = 0; i < Number(options.repeat ?? 0); ++i) {
      const again = await node.verification('Verify', request);
      insist(again.answered.receipt.entry.equals(response.answered.receipt.entry) &&
        again.answered.answer === response.answered.answer, 'a repeated request got another answer');
    }
    const obligation = response.obligations[['', 'on_yes', 'on_no', 'on_undetermined'][response.answered.answer]];
    return {
      answer: ANSWERS[response.answered.answer], do: DOS[obligation.do],
      notice_days: obligation.notice_days, data_as_of: response.answered.data_as_of,
      epoch: statement.epoch, request_id: request.request_id.toString('hex'), receipt: 'checked',
    };
  } finally {
    node.close();
  }
}

const text = {type: 'string'};
let options;
try {
  options = parseArgs({options: {
    address: text, agency: text, certificate: text, key: text, anchors: text, agreement: text,
    question: text, purpose: text, parameter: {type: 'string', multiple: true}, 'shared-key': text,
    accepted: text, repeat: text, person: text, help: {type: 'boolean'},
  }}).values;
  const needed = ['address', 'agency', 'certificate', 'key', 'anchors', 'agreement', 'question', 'purpose'];
  const missing = options.help ? [] : needed.filter((name) => options[name] === undefined);
  if (missing.length > 0) throw new Error(`--${missing[0]} is missing`);
} catch (error) {
  process.stderr.write(`${error.message}\n${HELP}`);
  process.exit(2);
}
if (options.help) {
  process.stdout.write(HELP);
} else {
  try {
    process.stdout.write(`${JSON.stringify(await ask(options))}\n`);
  } catch (error) {
    const refusal = error instanceof Refused ? 'CHECK_FAILED' : readRefusal(error);
    process.stdout.write(`${JSON.stringify({refusal, message: error.details ?? error.message})}\n`);
    process.exitCode = 1;
  }
}
