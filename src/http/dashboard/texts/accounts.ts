// The texts of the pages about keys, usage and the plan: English, Chinese.

export const ACCOUNT_TEXTS = {} as const;
