/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * suppressions.c: for programs that know nothing of the sanitizer.
 */
#include "suppressions.h"
