"""Verifies the envelope of a bundle with securesystemslib."""

import hashlib
import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

bundle_path, key_path, artifact = sys.argv[1:]
written = json.load(open(bundle_path))["dsseEnvelope"]
(name,) = [signature["keyid"] for signature in written["signatures"]]
# This empties what it reads.
envelope = Envelope.from_dict(written)
public = load_pem_public_key(open(key_path, "rb").read())
key = SSlibKey.from_crypto(public, keyid=name)
envelope.verify([key], 1)
assert envelope.payload_type == "application/vnd.in-toto+json", envelope.payload_type
digest = hashlib.sha256(open(artifact, "rb").read()).hexdigest()
assert any(subject["digest"].get("sha256") == digest for subject in json.loads(envelope.payload)["subject"])
