/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * anonymizer-test.h: for tests: texts, and a picture of what becomes of them.
 */
#pragma once

#include "milter-anonymizer-text.h"

/* the pseudonyms of a fixed secret, made once */
const MilterPseudonyms *test_pseudonyms (void);

/* Whether @after is what @picture shows: as long as @before, where `~` stands for a byte of a word that is
 * replaced, of the same kind and in the same case, and everything else for itself. Each run of `~` has
 * become something else. Fails with @name. */
void test_compare (const char *name, const char *before, const char *after, const char *picture);
