"""Prints the hash of LiteLLM's configuration as it is committed, for `/readyz`; run while an image is built.

Parts of it that depend on the environment (LangSmith, where its variables are set) are not in the hash.
"""

from gateway_lib.config.build import digest, load

if __name__ == "__main__":
    print(digest(load("aws", {})))
