-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- Two rules in place of rspamd's hundreds: a subject that says spammy is spam, and each message gets
-- a header field, and loses one that only this site may set.
rspamd_config:register_symbol({
  name = 'SUBJECT_SPAMMY',
  score = 8.0,
  callback = function(task)
    local subject = task:get_subject()
    return subject ~= nil and subject:lower():find('spammy') ~= nil
  end,
})
rspamd_config:register_symbol({
  name = 'SITE_HEADERS',
  type = 'postfilter',
  priority = 10,
  callback = function(task)
    task:set_milter_reply({
      add_headers = { ['X-Checked-By'] = { value = 'rspamd', order = 1 } },
      remove_headers = { ['X-Site-Trusted'] = 1 },
    })
  end,
})
