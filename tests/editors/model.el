;;; Emacs, batch: see static findings, type, save, see a model's verdicts, have it mend a finding, save.  -*- lexical-binding: t -*-

(load (expand-file-name "common.el" (file-name-directory load-file-name)) nil t)
(setq eglot-confirm-server-initiated-edits nil)

(defun findings ()
  (flymake-start nil t)
  (sort (mapcar (lambda (finding)
                  (list (1- (line-number-at-pos (flymake-diagnostic-beg finding))) (flymake-diagnostic-text finding)))
                (flymake-diagnostics))
        (lambda (one other) (< (car one) (car other)))))

(condition-case problem
    (let ((mended (string-to-number (getenv "CODETUNE_LINE"))) chosen)
      (connect)
      (await "the findings" (lambda () (= (length (findings)) 2)))
      (goto-char (point-max))
      (insert (getenv "CODETUNE_TYPED") "\n")
      (eglot--signal-textDocument/didChange)
      (save-buffer)
      (push (cons 'judged
                  (vconcat (mapcar #'cadr
                                   (await "the verdicts"
                                          (lambda ()
                                            (let ((now (findings)))
                                              (and (= (length now) 3)
                                                   (seq-every-p (lambda (each) (string-match-p "by tiny" (cadr each))) now)
                                                   now)))))))
            seen)
      (goto-char (point-min))
      (forward-line mended)
      (setq chosen (await "a model's fix" #'fix-with-model))
      (push (cons 'title (plist-get chosen :title)) seen)
      (push (cons 'verified (plist-get (jsonrpc-request (eglot--current-server-or-lose) :workspace/executeCommand
                                                   (plist-get chosen :command) :timeout 120) :verified)) seen)
      (eglot--signal-textDocument/didChange)
      (await "the finding to go"
             (lambda () (let ((now (findings))) (and (= (length now) 2) (not (assq mended now))))))
      (save-buffer)
      (push (cons 'buffer (buffer-substring-no-properties (point-min) (point-max))) seen)
      (finish nil))
  (error (finish (format "%S" problem))))
