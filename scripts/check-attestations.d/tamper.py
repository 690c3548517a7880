"""Writes a bundle as it is, and ten tampered variants of it, into a directory."""

import base64
import copy
import json
import os
import sys

bundle = json.load(open(sys.argv[1]))
directory = sys.argv[2]
os.makedirs(directory)


def payload(change):
    """The bundle with its statement changed and the signature left."""
    variant = copy.deepcopy(bundle)
    statement = json.loads(base64.b64decode(variant["dsseEnvelope"]["payload"]))
    change(statement)
    text = json.dumps(statement, separators=(",", ":")).encode()
    variant["dsseEnvelope"]["payload"] = base64.b64encode(text).decode()
    return variant


def envelope(change):
    """The bundle with its envelope changed."""
    variant = copy.deepcopy(bundle)
    change(variant["dsseEnvelope"])
    return variant


def bent(text):
    raw = bytearray(base64.b64decode(text))
    raw[len(raw) // 2] ^= 1
    return base64.b64encode(bytes(raw)).decode()


def subject(statement):
    statement["subject"][0]["digest"] = {name: "0" * len(value) for name, value in statement["subject"][0]["digest"].items()}


def spaced(value):
    text = json.dumps(json.loads(base64.b64decode(value["payload"])), indent=1).encode()
    value["payload"] = base64.b64encode(text).decode()


variants = {
    "00-whole": bundle,
    "01-verdict": payload(lambda statement: statement["predicate"].update(verdict="reproduced")),
    "02-subject": payload(subject),
    "03-name": payload(lambda statement: statement["subject"][0].update(name="pkg:npm/right@1.0.0")),
    "04-predicate-type": payload(lambda statement: statement.update(predicateType="https://slsa.dev/provenance/v1")),
    "05-payload-type": envelope(lambda value: value.update(payloadType="text/plain")),
    "06-signature": envelope(lambda value: value["signatures"][0].update(sig=bent(value["signatures"][0]["sig"]))),
    "07-no-signature": envelope(lambda value: value.update(signatures=[])),
    "08-cut-signature": envelope(
        lambda value: value["signatures"][0].update(
            sig=base64.b64encode(base64.b64decode(value["signatures"][0]["sig"])[:-1]).decode()
        )
    ),
    "09-white-space": envelope(spaced),
    "10-another-key": bundle,
}
for name, variant in variants.items():
    with open(os.path.join(directory, name + ".json"), "w") as file:
        json.dump(variant, file)
