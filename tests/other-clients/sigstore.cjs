// Verifies a bundle with Sigstore's JavaScript client, no log entry and no timestamp asked for.
const { createHash, createPublicKey } = require('node:crypto');
const { readFileSync } = require('node:fs');

const { bundleFromJSON } = require('@sigstore/bundle');
const { toSignedEntity, toTrustMaterial, Verifier } = require('@sigstore/verify');

const [bundlePath, keyPath, artifact] = process.argv.slice(2);
const bundle = bundleFromJSON(JSON.parse(readFileSync(bundlePath, 'utf8')));
const key = createPublicKey(readFileSync(keyPath));
const root = { mediaType: '', tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] };
const material = toTrustMaterial(root, () => ({ publicKey: key, validFor: () => true }));
const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
new Verifier(material, thresholds).verify(toSignedEntity(bundle));
const envelope = bundle.content.dsseEnvelope;
if (envelope.payloadType !== 'application/vnd.in-toto+json') throw new Error(envelope.payloadType);
const statement = JSON.parse(envelope.payload.toString());
const digest = createHash('sha256').update(readFileSync(artifact)).digest('hex');
if (!statement.subject.some((subject) => subject.digest.sha256 === digest)) throw new Error('another artifact');
