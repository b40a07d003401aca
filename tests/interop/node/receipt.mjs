// Verifies a JWS receipt with jose, knowing the responder's public key (PEM) and nothing else:
// receipt.mjs KEY.pem < receipt.jws; prints the claims.
import {createHash, createPublicKey} from 'node:crypto';
import {readFileSync} from 'node:fs';

import {compactVerify} from 'jose';

const key = createPublicKey(readFileSync(process.argv[2], 'utf8'));
const text = readFileSync(0, 'utf8').trim();
const {payload, protectedHeader} = await compactVerify(text, key, {algorithms: ['ES256']});
const kid = createHash('sha256').update(key.export({type: 'spki', format: 'der'})).digest('hex');
if (protectedHeader.kid !== kid) throw new Error('signed with another key than it says');
if (protectedHeader.typ !== 'vouch-receipt+jws') throw new Error('no receipt');

// A claim changed is seen.
const [header, body, signature] = text.split('.');
const changed = Buffer.from(Buffer.from(body, 'base64url').toString().replace('"answer":"', '"answer":"NOT '));
const bent = [header, changed.toString('base64url'), signature].join('.');
const opened = await compactVerify(bent, key, {algorithms: ['ES256']}).then(() => true, () => false);
if (opened) throw new Error('another answer was not seen');

process.stdout.write(new TextDecoder().decode(payload) + '\n');
