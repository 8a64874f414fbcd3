interface PolicyFactory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): unknown;
}

/** admitOwnScriptsOnly makes the default policy of Trusted Types: a script or worker comes from /assets/ of this office or not at all. */
export function admitOwnScriptsOnly(): void {
  const factory = (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes;
  factory?.createPolicy('default', {
    createScriptURL(url) {
      const full = new URL(url, location.href);
      if (full.origin === location.origin && full.pathname.startsWith('/assets/')) return url;
      throw new TypeError('a script from elsewhere is not admitted');
    },
  });
}
