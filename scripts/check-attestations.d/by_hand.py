"""Verifies a bundle with openssl's command line, and DSSE's encoding of what is signed made by hand."""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile

bundle_path, key, artifact = sys.argv[1:]
envelope = json.load(open(bundle_path))["dsseEnvelope"]
payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
(signature,) = envelope["signatures"]
with tempfile.NamedTemporaryFile() as message, tempfile.NamedTemporaryFile() as sealed:
    message.write(signed)
    message.flush()
    sealed.write(base64.b64decode(signature["sig"]))
    sealed.flush()
    text = subprocess.run(["openssl", "pkey", "-pubin", "-in", key, "-noout", "-text"], capture_output=True, check=True)
    if b"ED25519" in text.stdout:
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", message.name]
        command += ["-sigfile", sealed.name]
    else:
        command = ["openssl", "dgst", "-sha256", "-verify", key, "-signature", sealed.name, message.name]
    subprocess.run(command, check=True)
assert kind == b"application/vnd.in-toto+json", kind
digest = hashlib.sha256(open(artifact, "rb").read()).hexdigest()
assert any(subject["digest"].get("sha256") == digest for subject in json.loads(payload)["subject"])
