/** What a user without a second factor has in his row. */
export const NO_SECOND_FACTOR = {
  totpSecretSealed: null,
  totpEnabledAt: null,
  totpLastStep: null,
  recoveryCodeHashes: [],
}
