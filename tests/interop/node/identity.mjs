// From a person to token input, written from docs/protocol-identities.md alone: names/1, the
// attributes' rules, derived parts, and the bytes that are hashed. Node's own modules only.

const FOLDED = new Map(Object.entries({
  æ: 'ae', ð: 'd', ø: 'o', þ: 'th', đ: 'd', ħ: 'h', ı: 'i', ĸ: 'k', ł: 'l', ŋ: 'n', œ: 'oe',
  ŧ: 't', ƀ: 'b', ƈ: 'c', ƌ: 'd', ƒ: 'f', ƙ: 'k', ƚ: 'l', ƞ: 'n', ƥ: 'p', ƭ: 't', ƴ: 'y', ƶ: 'z',
  ǝ: 'e', ǥ: 'g', ȥ: 'z', ȷ: 'j', ȼ: 'c', ȿ: 's', ɀ: 'z', ɇ: 'e', ɉ: 'j', ɋ: 'q', ɍ: 'r', ɏ: 'y',
  ɑ: 'a', ɓ: 'b', ɔ: 'o', ɖ: 'd', ɗ: 'd', ə: 'e', ɛ: 'e', ɠ: 'g', ɡ: 'g', ɣ: 'g', ɦ: 'h', ɨ: 'i',
  ɩ: 'i', ɫ: 'l', ɱ: 'm', ɲ: 'n', ɵ: 'o', ɽ: 'r', ʃ: 's', ʈ: 't', ʉ: 'u', ʊ: 'u', ʋ: 'v', ʌ: 'v',
  ʒ: 'z', ᵽ: 'p', ⱡ: 'l', ⱥ: 'a', ⱦ: 't', ⱨ: 'h', ⱪ: 'k', ⱬ: 'z', ⱱ: 'v', ⱳ: 'w', ꝁ: 'k', ꞡ: 'g',
  ꞣ: 'k', ꞥ: 'n', ꞧ: 'r', ꞩ: 's', ꞹ: 'u',
}));

const ranges = (text) => text.split(/[,\s]+/).map((range) => {
  const [first, last] = range.split('-').map((hex) => parseInt(hex, 16));
  return [first, last ?? first];
});
const within = (list, code) => list.some(([first, last]) => code >= first && code <= last);

const DROPPED_MARKS = ranges('0300-036F 0483-0489 0591-05BD 05BF 05C1-05C2 05C4-05C5 05C7 ' +
  '0610-061A 064B-065F 0670 06D6-06DC 06DF-06E4 06E7-06E8 06EA-06ED 0711 0730-074A 180B-180D ' +
  '180F 1AB0-1AFF 1DC0-1DFF 20D0-20FF FE00-FE0F FE20-FE2F E0100-E01EF');
const JOINERS = ranges('0027 002E 0060 00B7 02B9-02C1 02C6-02D1 02EC 02EE 055A 05F3-05F4 0640 ' +
  '2018-2019 201B 2027 2032 2035 2043 2212 A78B-A78C');
const LONE_ACCENTS = ranges('00B4 0384 1FBD 1FBF 1FFD 1FFE');
// Assigned after Unicode 15.0, up to 17.0: a newer Node knows these, and must not.
const AFTER_15 = ranges('88F 897 C5C CDC 1ACF-1AEB 1B4E-1B4F 1B7F 1C89-1C8A 20C1 2427-2429 2B96 2FFC-2FFF ' +
  '31E4-31EF A7CB-A7CF A7D2 A7D4 A7DA-A7F1 FBC3-FBD2 FD90-FD91 FDC8-FDCE 105C0-105F3 ' +
  '10940-10959 10D40-10D8F 10EC2-10EFC 11380-113E2 116D0-116E3 11B60-11BF9 11DB0-11DE9 ' +
  '11F5A 13460-143FA 16100-16139 16D40-16D79 16EA0-16ED3 16FF2-16FF6 187F8-187FF 18CFF ' +
  '18D09-18DF2 1CC00-1CEF0 1E5D0-1E6FF 1F6D8 1F777-1F77A 1F8B2-1F8D8 1FA54-1FA57 ' +
  '1FA89-1FA8F 1FABE 1FAC6-1FACD 1FADC-1FADF 1FAE9-1FAEF 1FBCB-1FBEF 1FBFA 2B73A-2B73F ' +
  '2CEA2-2CEAD 2EBF0-2EE5D 323B0-33479');

const SUFFIXES = new Set(('jr jnr junior sr snr senior ii iii iv v vi vii viii ix 2nd 3rd 4th 5th')
  .split(' '));

// Full case folding of one code point. Lower case of upper case is it, but for capital sharp s and
// for Cherokee, whose folding is the capital.
function foldCase(char) {
  const code = char.codePointAt(0);
  if (code === 0x1e9e) return 'ss';
  if (code >= 0x13a0 && code <= 0x13f5) return char;
  if ((code >= 0x13f8 && code <= 0x13fd) || (code >= 0xab70 && code <= 0xabbf)) {
    return char.toUpperCase();
  }
  return [...char.toUpperCase()].map((upper) => upper.toLowerCase()).join('');
}

function classOf(char) {
  const code = char.codePointAt(0);
  if (code >= 0x61 && code <= 0x7a) return 'letter';
  if (code >= 0x30 && code <= 0x39) return 'digit';
  if (within(JOINERS, code)) return 'joiner';
  if (/[\p{Lu}\p{Ll}\p{Lt}\p{Lm}\p{Lo}]/u.test(char)) return 'letter';
  if (/\p{Mn}|\p{Mc}/u.test(char)) return 'mark';
  if (/\p{Me}|\p{Cf}/u.test(char)) return 'joiner';
  if (/\p{Pd}/u.test(char)) return 'hyphen';
  return 'separator';
}

// The normal form, or null when the value is refused.
export function normalizeName(raw) {
  if (Buffer.byteLength(raw, 'utf8') > 512) return null;
  for (const char of raw) {
    const code = char.codePointAt(0);
    if (code === 0x3f || code === 0xfffd || /[\p{Cn}\p{Co}\p{Cs}]/u.test(char)) return null;
    if (within(AFTER_15, code)) return null;
    if (/\p{Cc}/u.test(char) && !(code >= 9 && code <= 13)) return null;
  }
  const decomposed = [...raw].filter((char) => !within(LONE_ACCENTS, char.codePointAt(0))).join('')
    .normalize('NFKD');
  const folded = [...decomposed].filter((char) => !within(DROPPED_MARKS, char.codePointAt(0)))
    .map(foldCase).join('');
  const words = [''];
  let letterSeen = false;
  for (const char of folded) {
    for (const letter of FOLDED.get(char) ?? char) {
      const kind = classOf(letter);
      if (kind === 'separator') {
        if (words.at(-1) !== '') words.push('');
      } else if (kind === 'letter' || kind === 'digit' || (kind === 'mark' && letterSeen)) {
        letterSeen ||= kind === 'letter';
        words[words.length - 1] += letter;
      }
    }
  }
  if (words.at(-1) === '') words.pop();
  if (words.length >= 2 && SUFFIXES.has(words.at(-1))) words.pop();
  return words.join('').replace(/[0-9]/g, '') || null;
}

const trim = (raw) => raw.replace(/^[\t-\r ]+|[\t-\r ]+$/g, '');
const nineDigits = (raw) => {
  const shape = /^(\d{3})(-?)(\d{2})\2(\d{4})$|^(\d{3}) (\d{2}) (\d{4})$/.exec(raw);
  return shape ? raw.replace(/[- ]/g, '') : null;
};

function normalizeSsn(raw, use) {
  const digits = nineDigits(raw);
  if (!digits) return null;
  const area = Number(digits.slice(0, 3));
  if (digits.slice(3, 5) === '00' || digits.slice(5) === '0000') return null;
  if (use === 'test') return area >= 900 ? digits : null;
  return area === 0 || area === 666 || area >= 900 ? null : digits;
}

function normalizeItin(raw, use) {
  const digits = nineDigits(raw);
  if (!digits || digits[0] !== '9') return null;
  const group = Number(digits.slice(3, 5));
  const real = (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
    (group >= 90 && group <= 92) || (group >= 94 && group <= 99);
  return real === (use === 'live') ? digits : null;
}

function normalizeDate(raw, today) {
  const shape = /^(\d{4})([-/]?)(\d{2})\2(\d{2})$/.exec(raw);
  if (!shape) return null;
  const [year, month, day] = [shape[1], shape[3], shape[4]].map(Number);
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 ||
      date.getUTCDate() !== day) return null;
  // Date rolls 29 February over to 1 March in a year without one, as the page asks.
  const [todayYear, todayMonth, todayDay] = today.split('-').map(Number);
  const oldest = new Date(Date.UTC(todayYear - 130, todayMonth - 1, todayDay));
  const newest = new Date(Date.UTC(todayYear, todayMonth - 1, todayDay));
  if (date > newest || date < oldest) return null;
  return `${shape[1]}-${shape[3]}-${shape[4]}`;
}

const dropSeparators = (raw) => raw.replace(/[ \-./_]/g, '');
const raised = (raw) => raw.replace(/[a-z]/g, (letter) => letter.toUpperCase());

function normalizePostalCode(raw) {
  const nine = /^(\d{5})[- ]?\d{4}$/.exec(raw);
  const code = nine ? nine[1] : raised(dropSeparators(raw));
  return /^[0-9A-Z]{2,10}$/.test(code) && !/^0+$/.test(code) ? code : null;
}

// One raw value, or null when it is not valid.
export function normalize(attribute, raw, use, today) {
  const value = trim(raw);
  switch (attribute) {
    case 'given_name':
    case 'middle_name':
    case 'family_name':
      return normalizeName(raw);
    case 'social_security_number':
      return normalizeSsn(value, use);
    case 'individual_taxpayer_id':
      return normalizeItin(value, use);
    case 'date_of_birth':
      return normalizeDate(value, today);
    case 'postal_code':
      return normalizePostalCode(value);
    case 'national_id':
    case 'case_number': {
      const id = raised(dropSeparators(value));
      return /^[0-9A-Z]{1,40}$/.test(id) && !/^0+$/.test(id) ? id : null;
    }
    case 'alien_number': {
      const digits = raised(dropSeparators(value)).replace(/^A/, '');
      return /^\d{7,9}$/.test(digits) && !/^0+$/.test(digits) ? digits.padStart(9, '0') : null;
    }
    case 'employer_id': {
      const shape = /^(\d{2})[- ]?(\d{7})$/.exec(value);
      return shape && shape[1] !== '00' ? shape[1] + shape[2] : null;
    }
    default:
      return null;
  }
}

const SOUNDEX = new Map(Object.entries({
  b: 1, f: 1, p: 1, v: 1, c: 2, g: 2, j: 2, k: 2, q: 2, s: 2, x: 2, z: 2, d: 3, t: 3, l: 4, m: 5,
  n: 5, r: 6,
}));
export function soundex(normal) {
  const letters = normal.replace(/ /g, '');
  if (!/^[a-z]+$/.test(letters)) return null;
  let code = letters[0].toUpperCase();
  let before = SOUNDEX.get(letters[0]);
  for (const letter of letters.slice(1)) {
    const digit = SOUNDEX.get(letter);
    if (digit !== undefined && digit !== before) code += digit;
    if (letter !== 'h' && letter !== 'w') before = digit;
  }
  return code.padEnd(4, '0').slice(0, 4);
}

function derive(part, normals) {
  const [derivation, attribute] = part.includes(':') ? part.split(':') : ['', part];
  const value = normals.get(attribute);
  if (derivation === 'soundex') return soundex(value);
  if (derivation === 'initial') return [...value][0];
  return derivation === 'year' ? value.slice(0, 4) : value;
}

export function field(bytes) {
  const content = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}
export function u32(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}
export function u16(number) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(number);
  return bytes;
}

// The inputs of match key `number` for attributes in normal form (each a list), first values first.
// context: {agreement, scope, epoch, profile}.
export function tokenInputs(context, number, parts, normals) {
  const attributes = [...new Set(parts.map((part) => part.split(':').at(-1)))];
  if (attributes.some((attribute) => !(normals[attribute]?.length > 0))) return [];
  const inputs = [];
  const turns = attributes.map(() => 0);
  for (let turning = true; turning && inputs.length < 16;) {
    const chosen = new Map(attributes.map((attribute, i) => [attribute, normals[attribute][turns[i]]]));
    const values = parts.map((part) => derive(part, chosen));
    if (values.every((value) => value !== null && value !== '')) {
      const input = Buffer.concat([
        field('vouch-token-input/1'), field(context.agreement), field(context.scope),
        field(u32(context.epoch)), field(context.profile), field(u16(number)),
        ...parts.flatMap((part, i) => [field(part), field(values[i])])]);
      if (!inputs.some((other) => other.equals(input))) inputs.push(input);
    }
    turning = false;
    for (let i = attributes.length - 1; i >= 0; --i) {
      if (++turns[i] < normals[attributes[i]].length) {
        turning = true;
        break;
      }
      turns[i] = 0;
    }
  }
  return inputs;
}
