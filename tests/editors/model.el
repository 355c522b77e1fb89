;;; Emacs, batch: see static findings, type, save, see a model's verdicts, have it mend a finding, save.  -*- lexical-binding: t -*-

(package-initialize)
(require 'eglot)
(require 'json)

(defvar seen nil)
(setq eglot-sync-connect t
      eglot-autoshutdown t
      eglot-confirm-server-initiated-edits nil
      make-backup-files nil
      create-lockfiles nil
      python-indent-guess-indent-offset nil)

(defun finish (problem)
  (when problem (push (cons 'problem problem) seen))
  (let ((coding-system-for-write 'utf-8))
    (with-temp-file (getenv "CODETUNE_RESULT") (insert (json-encode seen))))
  (set-buffer-modified-p nil)
  (kill-emacs (if problem 1 0)))

(defun findings ()
  (flymake-start nil t)
  (sort (mapcar (lambda (finding)
                  (list (1- (line-number-at-pos (flymake-diagnostic-beg finding))) (flymake-diagnostic-text finding)))
                (flymake-diagnostics))
        (lambda (one other) (< (car one) (car other)))))

(defun await (what condition)
  (let ((until (+ (float-time) 60)) (value nil))
    (while (and (not (setq value (funcall condition))) (< (float-time) until))
      (accept-process-output nil 0.05))
    (or value (finish (format "waited in vain for %s: %S" what (findings))))))

(defun ask (method params)
  (jsonrpc-request (eglot--current-server-or-lose) method params :timeout 120))

(condition-case problem
    (let ((mended (string-to-number (getenv "CODETUNE_LINE"))) chosen)
      (find-file (getenv "CODETUNE_FILE"))
      (add-to-list 'eglot-server-programs (cons 'python-mode (split-string (getenv "CODETUNE_COMMAND") " ")))
      (apply #'eglot--connect (eglot--guess-contact))
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
      (let ((here (eglot--pos-to-lsp-position (point))))
        (setq chosen
              (await "a model's fix"
                     (lambda ()
                       (seq-find (lambda (action) (string-prefix-p "Fix with " (plist-get action :title)))
                                 (ask :textDocument/codeAction
                                      (list :textDocument (eglot--TextDocumentIdentifier)
                                            :range (list :start here :end here)
                                            :context (list :diagnostics []))))))))
      (push (cons 'title (plist-get chosen :title)) seen)
      (push (cons 'verified (plist-get (ask :workspace/executeCommand (plist-get chosen :command)) :verified)) seen)
      (eglot--signal-textDocument/didChange)
      (await "the finding to go"
             (lambda () (let ((now (findings))) (and (= (length now) 2) (not (assq mended now))))))
      (save-buffer)
      (push (cons 'buffer (buffer-substring-no-properties (point-min) (point-max))) seen)
      (finish nil))
  (error (finish (format "%S" problem))))
